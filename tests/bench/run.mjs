// `npm run bench`: runs every tests/bench/*.bench.mjs and writes RESULTS.md. Wants a machine left otherwise alone.
//
//   npm run bench                    all of them, some minutes
//   npm run bench -- server          only the files with `server` in their name
//   npm run bench -- --quick         fewer rounds and smaller data
//
// Other options go to the benchmarks: see their heads. Each prints its tables and leaves its numbers in results/NAME.json.
import { readdirSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { build } from '../../pkg-template/build.mjs'
import { Stop, main, root, run } from '../tools/process.mjs'
import { setupTests } from '../tools/setup.mjs'
import { writeSummary } from './tools/report.mjs'

/** The benchmarks of the package; the others need only the native server, or none of both. */
const ofPackage = ['js', 'size', 'work', 'durable', 'startup', 'snapshot', 'smallwrite', 'tabs'].map((name) => `${name}.bench.mjs`)

async function bench() {
  const options = process.argv.slice(2).filter((word, n, all) => word.startsWith('--') || all[n - 1] === '--keys')
  const wanted = process.argv.slice(2).filter((word) => !options.includes(word))
  const files = readdirSync(join(root, 'tests/bench'))
    .filter((name) => name.endsWith('.bench.mjs'))
    .filter((name) => !wanted.length || wanted.includes(name.replace('.bench.mjs', '')))
    .sort()
  if (!files.length) throw new Stop('No benchmark in tests/bench has such a name.')
  const programs = await setupTests()
  if (files.some((name) => ofPackage.includes(name))) await build({ ifStale: true })
  if (loadavg()[0] > 1) console.log(`The machine is busy (load ${loadavg()[0].toFixed(1)}): expect noise.`)
  const env = { CHROME_PATH: programs.chromium, REDIS_SERVER: programs.redisServer }
  for (const name of files) {
    const { code } = await run('node', ['--expose-gc', `tests/bench/${name}`, ...options], { env })
    if (code !== 0) throw new Stop(`tests/bench/${name} failed (${code}).`)
    writeSummary()
  }
}

await main(import.meta, bench)
