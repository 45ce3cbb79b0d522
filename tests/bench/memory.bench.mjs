// Memory per key: tabdis-server against redis-server, both loaded with the same commands through a socket.
//
// Compared is the resident set (what the system gave the process), before and after: the servers' own `used_memory` is shown
// too, but redis-server counts with its allocator's rounding and ours without.
import { readFileSync } from 'node:fs'
import { main, step } from '../tools/process.mjs'
import { atMost, bytesText, goals, isQuick, report, round } from './tools/report.mjs'
import { withServers } from './tools/servers.mjs'

const size = isQuick() ? 10 : 1
const goal = atMost(0.6, 0.45)

const loads = [
  { name: '1 M strings, 16 B key and value', count: 1e6 / size, commands: strings, goal },
  { name: '100 k hashes of 10 fields', count: 1e5 / size, commands: hashes, goal },
  { name: 'one sorted set of 1 M members', count: 1e6 / size, commands: members, goal },
  // For information: what an app also keeps.
  { name: '1 M counters', count: 1e6 / size, commands: counters },
  { name: '1 M strings with an expiry', count: 1e6 / size, commands: volatile },
  { name: '100 k sets of 10 members', count: 1e5 / size, commands: sets },
  { name: 'one list of 1 M items of 16 B', count: 1e6 / size, commands: items },
  { name: 'one hash of 1 M fields, 16 B each', count: 1e6 / size, commands: fields },
]

const key = (n) => `key:${String(n).padStart(12, '0')}`
const value = (n) => `value:${String(n * 7919).padStart(10, '0')}`

function* strings(count) {
  for (let n = 0; n < count; n++) yield ['SET', key(n), value(n)]
}

function* hashes(count) {
  for (let n = 0; n < count; n++) {
    const argv = ['HSET', key(n)]
    for (let f = 0; f < 10; f++) argv.push(`field:${f}`, value(n + f))
    yield argv
  }
}

function* members(count) {
  for (let n = 0; n < count; n++) yield ['ZADD', 'board', String((n * 7919) % 1_000_003), key(n)]
}

function* counters(count) {
  for (let n = 0; n < count; n++) yield ['INCRBY', key(n), String(n * 31)]
}

function* volatile(count) {
  for (let n = 0; n < count; n++) yield ['SET', key(n), value(n), 'EX', String(100_000 + (n % 1000))]
}

function* sets(count) {
  for (let n = 0; n < count; n++) yield ['SADD', key(n), ...Array.from({ length: 10 }, (_, m) => value(n + m))]
}

function* items(count) {
  for (let n = 0; n < count; n++) yield ['RPUSH', 'list', value(n)]
}

function* fields(count) {
  for (let n = 0; n < count; n++) yield ['HSET', 'hash', key(n), value(n)]
}

/** Returns what the server uses, in bytes: as the system and as the server itself sees it. */
async function memory({ pid, client }) {
  const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024
  const used = Number(/used_memory:(\d+)/.exec(await client.call('INFO', 'memory'))[1])
  return { resident, used }
}

/** Fills both servers and returns a row of what that took. */
async function measure({ name, count, commands, goal }) {
  // Fresh servers for every load: what an earlier one left in an allocator would be found there.
  return withServers(async (servers) => {
    const taken = {}
    for (const [peer, server] of Object.entries(servers)) {
      const before = await memory(server)
      await server.client.load(commands(count))
      const after = await memory(server)
      taken[peer] = { resident: after.resident - before.resident, used: after.used - before.used }
    }
    const { tabdis, redis } = taken
    const each = (peer, what) => `${round(taken[peer][what] / count)} B`
    const row = { name, ours: each('tabdis', 'resident'), theirs: each('redis', 'resident'), goal }
    const used = [each('tabdis', 'used'), each('redis', 'used'), `${round(tabdis.used / redis.used)}×`]
    return { ...row, ratio: tabdis.resident / redis.resident, used, taken, total: bytesText(tabdis.resident) }
  })
}

await main(import.meta, async () => {
  const rows = []
  for (const load of loads) rows.push(await step(load.name, () => measure(load)))
  const title = 'Memory per key (per member, item, field of the single structures)'
  const resident = goals({ title, note: 'Growth of the resident set.', ours: 'tabdis-server', theirs: 'redis-server', rows })
  const head = ['the same by INFO used_memory', 'tabdis-server', 'redis-server', 'ratio']
  const own = { title: 'As the servers count', head, rows: rows.map(({ name, used }) => [name, ...used]) }
  report('memory', [resident, own])
})
