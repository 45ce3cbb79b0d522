// Commands on much data: tabdis-server against redis-server, and how long one of them holds up a page.
//
// Both servers hold the same data and take turns within every round; a ratio is the median of the rounds' ratios. What a server of
// the two does not have is left out. `--quick` takes a tenth of the data and fewer rounds.
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { main, root, step } from '../tools/process.mjs'
import { atLeast, goals, isQuick, median, report, round } from './tools/report.mjs'
import { withServers } from './tools/servers.mjs'

const size = isQuick() ? 10 : 1
const rounds = isQuick() ? 3 : 7
const MILLION = 1e6 / size
const MANY = 1e5 / size

const pad = (n) => String(n).padStart(10, '0')
/** Numbers that look random and are the same in every run. */
const mixed = (n) => (n * 7919 + 104_729) % 1_000_003

function* times(count, command) {
  for (let n = 0; n < count; n++) yield command(n)
}

/** Commands that each give a structure many elements, a hundred at once. */
function* inHundreds(count, head, element) {
  for (let n = 0; n < count; n += 100) yield [...head, ...Array.from({ length: 100 }, (_, m) => element(n + m)).flat()]
}

/**
 * What is measured: `fill` makes the data, once; `again` what a round spoils; `work` is timed, sent without waiting for replies; or `ask` is, which
 * uses the client itself. `needs` names the command without which there is nothing to measure.
 */
const works = [
  {
    name: `XADD of ${MANY / 1000} k entries`,
    needs: 'XADD',
    again: () => [['DEL', 'stream']],
    work: () => times(MANY, (n) => ['XADD', 'stream', '*', 'page', `/item/${n}`, 'user', pad(n)]),
  },
  {
    name: 'XREADGROUP of 10 new entries, all of them',
    needs: 'XREADGROUP',
    fill: () => times(MANY, (n) => ['XADD', 'events', `${n + 1}-1`, 'page', `/item/${n}`, 'user', pad(n)]),
    again: () => [['XGROUP', 'DESTROY', 'events', 'g'], ['XGROUP', 'CREATE', 'events', 'g', '0']],
    work: () => times(MANY / 10, () => ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '10', 'STREAMS', 'events', '>']),
  },
  {
    name: `SINTER of two sets of ${MANY / 1000} k`,
    needs: 'SINTER',
    fill: () => [...sets('one', 0), ...sets('two', MANY / 2)],
    work: () => times(3, () => ['SINTER', 'one', 'two']),
  },
  { name: 'SINTERCARD of them', needs: 'SINTERCARD', work: () => times(5, () => ['SINTERCARD', '2', 'one', 'two']) },
  {
    name: `ZRANGE of 10 by rank, of ${MILLION / 1e6} M members`,
    needs: 'ZRANGE',
    fill: () => inHundreds(MILLION, ['ZADD', 'board'], (n) => [String(mixed(n)), `member:${pad(n)}`]),
    work: () => times(20_000 / size, (n) => ranks(mixed(n) % (MILLION - 10))),
  },
  {
    name: 'ZRANGE of 10 by score, of them',
    needs: 'ZRANGE',
    work: () => times(20_000 / size, (n) => ['ZRANGE', 'board', String(mixed(n)), 'inf', 'BYSCORE', 'LIMIT', '0', '10']),
  },
  {
    name: `GEOSEARCH within 20 km, of ${MANY / 1000} k places`,
    needs: 'GEOSEARCH',
    fill: () => inHundreds(MANY, ['GEOADD', 'places'], (n) => [longitude(n), latitude(n), `place:${pad(n)}`]),
    work: () => times(500, (n) => ['GEOSEARCH', 'places', 'FROMLONLAT', longitude(n), latitude(n), 'BYRADIUS', '20', 'km', 'ASC', 'COUNT', '20']),
  },
  {
    name: 'BITCOUNT of 1 MB',
    needs: 'BITCOUNT',
    fill: () => [['SET', 'bits', Array.from({ length: 1 << 20 }, (_, n) => String.fromCharCode(mixed(n) & 127)).join('')]],
    work: () => times(300, () => ['BITCOUNT', 'bits']),
  },
  {
    name: `SORT of ${MANY / 1000} k numbers`,
    needs: 'SORT',
    fill: () => inHundreds(MANY, ['RPUSH', 'numbers'], (n) => [String(mixed(n))]),
    work: () => times(3, () => ['SORT', 'numbers']),
  },
  { name: 'SORT of them ALPHA, the first 10', needs: 'SORT', work: () => times(3, () => ['SORT', 'numbers', 'ALPHA', 'LIMIT', '0', '10']) },
  {
    name: `SCAN of ${MILLION / 1e6} M keys, a thousand at a time`,
    needs: 'SCAN',
    fill: () => times(MILLION, (n) => ['SET', `key:${pad(n)}`, pad(mixed(n))]),
    ask: scan,
  },
]

function* sets(key, from) {
  yield* inHundreds(MANY, ['SADD', key], (n) => [`member:${pad(from + n)}`])
}

const ranks = (from) => ['ZRANGE', 'board', String(from), String(from + 9)]
const longitude = (n) => (2 + mixed(n) / 200_000).toFixed(5)
const latitude = (n) => (46 + mixed(n * 31 + 7) / 200_000).toFixed(5)

async function scan(client) {
  let cursor = '0'
  do {
    const reply = await client.call('SCAN', cursor, 'COUNT', '1000')
    cursor = /^\*2\r\n\$\d+\r\n(\d+)/.exec(reply)[1]
  } while (cursor !== '0')
}

async function has({ client }, name) {
  return !/^\*1\r\n[*_$]-?1?\r\n$/.test(await client.call('COMMAND', 'INFO', name))
}

/** Times a work on both servers. Nothing if one of them lacks the command. */
async function measure(servers, { name, needs, fill, again, work, ask }) {
  const peers = Object.keys(servers)
  for (const peer of peers) if (!(await has(servers[peer], needs))) return undefined
  for (const { client } of Object.values(servers)) if (fill) await client.load(fill())
  const taken = Object.fromEntries(peers.map((peer) => [peer, []]))
  for (let n = 0; n < rounds; n++) {
    for (const peer of n % 2 ? peers : peers.toReversed()) {
      const { client } = servers[peer]
      if (again) for (const argv of again()) await client.call(...argv)
      const commands = work && [...work()]
      taken[peer].push(await timed(() => (ask ? ask(client) : client.load(commands))))
    }
  }
  return row(name, taken.tabdis, taken.redis)
}

function row(name, tabdis, redis) {
  const ratio = median(redis.map((ms, n) => ms / tabdis[n]))
  return { name, ours: `${round(median(tabdis))} ms`, theirs: `${round(median(redis))} ms`, ratio, goal: atLeast(1), tabdis, redis }
}

/** How long the servers take to remove keys that are all due, with nobody asking for them. */
async function expiry(servers) {
  const taken = {}
  for (const [peer, { client }] of Object.entries(servers)) {
    taken[peer] = [await timed(async () => {
      while ((await client.call('DBSIZE')) !== '0') await sleep(2)
    }, () => fillUntilDue(client, 2000))]
  }
  return row(`active expiry of ${MILLION / 1e6} M keys due at once`, taken.tabdis, taken.redis)
}

/** Returns when all keys are there and due, in `lead` ms at the earliest. */
async function fillUntilDue(client, lead) {
  await client.call('FLUSHALL')
  const due = Date.now() + lead
  await client.load(times(MILLION, (n) => ['SET', `key:${pad(n)}`, pad(n), 'PXAT', String(due)]))
  // A key that is due when it is set is not even made: then there was too little time.
  if (Date.now() > due) return fillUntilDue(client, 2 * lead)
  await sleep(due - Date.now())
}

/** The longest single call in Node of what takes a server no time, ms. */
async function longestCalls() {
  const { open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')))
  const db = await open({ reserve: 400 << 20 })
  const { sync } = db
  const run = (commands) => {
    for (const [name, ...args] of commands) sync[name.toLowerCase()](...args)
  }
  const rows = []
  for (const { name, needs, fill, again, work } of works) {
    if (!sync[needs.toLowerCase()]) continue
    if (fill) run(fill())
    if (again) run(again())
    // What takes a server longer than a moment too is not for one call in a page.
    if (!work || /^SORT|^SINTER/.test(name)) continue
    const taken = []
    for (const [command, ...args] of work()) {
      const start = performance.now()
      sync[command.toLowerCase()](...args)
      taken.push(performance.now() - start)
    }
    taken.sort((a, b) => a - b)
    rows.push([name, `${round(median(taken))} ms`, `${round(taken.at(-1))} ms`, '≤ 10 ms'])
  }
  await db.close()
  const note = 'Seen from JavaScript, so pauses of its own collector and of the machine are in the longest.'
  return { title: 'Single calls in Node', note, head: ['work', 'median', 'longest', 'promise'], rows: [...rows, await expiryInNode(open)] }
}

/** How long the engine's own work holds up a page while a million keys expire. */
async function expiryInNode(open) {
  const db = await open({ reserve: 400 << 20 })
  const due = Date.now() + (isQuick() ? 1500 : 6000)
  for (let n = 0; n < MILLION; n++) db.sync.set(`key:${pad(n)}`, pad(n), 'PXAT', due)
  await sleep(Math.max(0, due - Date.now()))
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  while (db.sync.dbsize() > 0) await sleep(1)
  delay.disable()
  await db.close()
  // The timer's own resolution is in the delay.
  const ms = (ns) => `${round(Math.max(0, ns / 1e6 - 1))} ms`
  return [`active expiry of ${MILLION / 1e6} M keys: a turn of the event loop`, ms(delay.percentile(50)), ms(delay.max), '≤ 10 ms']
}

/** Returns how long `work` takes, ms, once `ready` is done. */
async function timed(work, ready = () => {}) {
  await ready()
  const start = performance.now()
  await work()
  return performance.now() - start
}

await main(import.meta, async () => {
  const rows = await withServers(async (servers) => {
    const rows = []
    for (const work of works) rows.push(await step(work.name, () => measure(servers, work)))
    rows.push(await step('active expiry', () => expiry(servers)))
    return rows.filter(Boolean)
  })
  const natively = goals({ title: 'Commands on much data: how many times faster', ours: 'tabdis-server', theirs: 'redis-server', rows })
  report('work', [natively, await step('single calls', longestCalls)])
})
