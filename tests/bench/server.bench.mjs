// tabdis-server against redis-server: every default test of redis-benchmark, one command at a time and 16 in flight.
//
// The servers take turns within every round, so a disturbance of the machine meets both; the ratio of a test is the median of
// its rounds' ratios. Beside it stands the ratio of requests per second of the servers' own CPU time, which other load on the machine
// disturbs least. `--quick` runs fewer rounds, `--keys N` spreads the work over N random keys (redis-benchmark -r).
import { readFileSync } from 'node:fs'
import { main, must, step } from '../tools/process.mjs'
import { atLeast, goals, isQuick, median, report, round } from './tools/report.mjs'
import { withServers } from './tools/servers.mjs'

/** redis-benchmark's default tests in its order, and how many requests of them make a sample: alone, 16 in flight. */
const tests = [
  ['ping_inline', 20_000, 200_000],
  ['ping_mbulk', 20_000, 200_000],
  ['set', 20_000, 200_000],
  ['get', 20_000, 200_000],
  ['incr', 20_000, 200_000],
  ['lpush', 20_000, 200_000],
  ['rpush', 20_000, 200_000],
  ['lpop', 20_000, 200_000],
  ['rpop', 20_000, 200_000],
  ['sadd', 20_000, 200_000],
  ['hset', 20_000, 200_000],
  ['spop', 20_000, 200_000],
  ['zadd', 20_000, 200_000],
  ['zpopmin', 20_000, 200_000],
  ['lrange_100', 10_000, 20_000],
  ['lrange_300', 5_000, 8_000],
  ['lrange_500', 4_000, 5_000],
  ['lrange_600', 4_000, 5_000],
  ['mset', 15_000, 40_000],
]

/** Runs one test against one server and returns its requests per second, of the clock and of the server's CPU time. */
async function sample(server, test, requests, pipeline, keys) {
  const options = ['-p', server.port, '-c', 50, '-n', requests, '-P', pipeline, '-t', test, '--csv', ...keys]
  const before = cpuSeconds(server.pid)
  const output = await must('redis-benchmark', options.map(String))
  // The LRANGE tests fill their list first, and report that as a test of its own: the last line is the test.
  const [, rate] = output.trim().split('\n').at(-1).slice(1).split('","')
  return { rate: Number(rate), perCpu: requests / (cpuSeconds(server.pid) - before) }
}

/** Returns how long the main thread of a process has run. */
function cpuSeconds(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9
}

async function measure(servers, pipeline, rounds, keys) {
  const rates = new Map(tests.map(([test]) => [test, { tabdis: [], redis: [] }]))
  for (let n = 0; n < rounds; n++) {
    // Who goes first takes turns too.
    const peers = n % 2 ? ['redis', 'tabdis'] : ['tabdis', 'redis']
    for (const peer of peers) await servers[peer].client.call('FLUSHALL')
    for (const [test, alone, inFlight] of tests) {
      for (const peer of peers) {
        rates.get(test)[peer].push(await sample(servers[peer], test, pipeline > 1 ? inFlight : alone, pipeline, keys))
      }
    }
  }
  return [...rates].map(([test, { tabdis, redis }]) => row(test, tabdis, redis))
}

function row(test, tabdis, redis) {
  const ratio = (what) => median(tabdis.map((sample, n) => sample[what] / redis[n][what]))
  const thousands = (samples) => String(round(median(samples.map((sample) => sample.rate)) / 1000))
  const [ours, theirs] = [thousands(tabdis), thousands(redis)]
  return { name: test.toUpperCase(), ours, theirs, ratio: ratio('rate'), cpu: ratio('perCpu'), goal: atLeast(1), tabdis, redis }
}

function table(pipeline, rows) {
  const of = (what) => median(rows.map((row) => row[what]))
  const middle = { name: 'median of all', ours: '', theirs: '', ratio: of('ratio'), cpu: of('cpu'), goal: atLeast(1, 1.5) }
  const title = pipeline > 1 ? `redis-benchmark -P ${pipeline}` : 'redis-benchmark'
  const more = { 'per CPU second': (row) => `${row.cpu.toFixed(2)}×` }
  return goals({ title, more, ours: 'tabdis-server, k/s', theirs: 'redis-server, k/s', rows: [...rows, middle] })
}

await main(import.meta, async () => {
  const rounds = isQuick() ? 2 : 7
  const at = process.argv.indexOf('--keys')
  const keys = at < 0 ? [] : ['-r', process.argv[at + 1]]
  await withServers(async (servers) => {
    const tables = []
    for (const pipeline of [1, 16]) {
      const rows = await step(`redis-benchmark -P ${pipeline}`, () => measure(servers, pipeline, rounds, keys))
      tables.push(table(pipeline, rows))
    }
    report('server', tables)
  })
})
