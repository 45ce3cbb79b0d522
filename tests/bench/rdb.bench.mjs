// Snapshots of the servers: SAVE, BGSAVE and starting with the file, tabdis-server against redis-server, of 1 M strings.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { main, step } from '../tools/process.mjs'
import { ms, ratio } from './tools/page.mjs'
import { atMost, goals, isQuick, report } from './tools/report.mjs'
import { start, withServers } from './tools/servers.mjs'

const count = isQuick() ? 1e5 : 1e6
const rounds = isQuick() ? 2 : 5
const goal = atMost(1, 0.6)

/** What is timed, by its name in the table. Each is given a server. */
const works = {
  [`SAVE of ${count / 1e6} M strings`]: ({ client }) => client.call('SAVE'),
  'BGSAVE of them, until the file is there': background,
  'starting with them, until the first answer': restart,
}

function* strings() {
  for (let n = 0; n < count; n++) yield ['SET', `key:${String(n).padStart(12, '0')}`, `value:${String(n).padStart(10, '0')}`]
}

/**
 * Saves until the server says it is done and the new file has taken the old one's place: a server may say so while the file is
 * still being synced.
 */
async function background({ client, folder }) {
  const file = async () => (await stat(join(folder, 'dump.rdb'))).ino
  const before = await file()
  await client.call('BGSAVE')
  let info
  do {
    await sleep(1)
    info = await client.call('INFO', 'persistence')
  } while (info.includes('rdb_bgsave_in_progress:1') || (info.includes('rdb_last_bgsave_status:ok') && (await file()) === before))
  if (!info.includes('rdb_last_bgsave_status:ok')) throw new Error('BGSAVE failed.')
}

/** Starts another server with the file of `server`, and stops it when it has answered how many keys there are. */
async function restart({ program, folder }) {
  const copy = await start(program, ['--dir', folder])
  try {
    while ((await copy.client.call('DBSIZE').catch(loading)) !== String(count)) await sleep(1)
  } finally {
    await copy.stop()
  }
}

function loading(error) {
  if (!error.message.includes('LOADING')) throw error
}

async function timed(work, server) {
  const start = performance.now()
  await work(server)
  return performance.now() - start
}

async function measure(servers) {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, { tabdis: [], redis: [] }]))
  for (const { client } of Object.values(servers)) {
    await client.call('CONFIG', 'SET', 'rdbcompression', 'no')
    await client.load(strings())
  }
  for (let n = 0; n < rounds; n++) {
    for (const [name, work] of Object.entries(works)) {
      for (const [peer, server] of Object.entries(servers)) times[name][peer].push(await timed(work, server))
    }
  }
  return times
}

await main(import.meta, async () => {
  const times = await step('snapshots', () => withServers(measure))
  const rows = Object.entries(times).map(([name, { tabdis, redis }]) => ({
    name, ours: ms(tabdis), theirs: ms(redis), ratio: ratio(tabdis, redis), goal,
  }))
  report('rdb', [goals({ title: 'Snapshots of the servers', ours: 'tabdis-server', theirs: 'redis-server', rows })])
})
