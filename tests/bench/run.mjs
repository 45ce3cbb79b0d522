// `npm run bench`: builds the package, then runs every tests/bench/*.bench.mjs on a machine left otherwise alone.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from '../../pkg-template/build.mjs'
import { Stop, main, root, run } from '../tools/process.mjs'
import { setupTests } from '../tools/setup.mjs'

/** `npm run bench -- get` runs only the files with `get` in their name. */
async function bench() {
  const programs = await setupTests()
  await build({ ifStale: true })
  const wanted = process.argv.slice(2)
  const files = readdirSync(join(root, 'tests/bench'))
    .filter((name) => name.endsWith('.bench.mjs'))
    .filter((name) => !wanted.length || wanted.some((part) => name.includes(part)))
    .sort()
  if (!files.length) throw new Stop('No benchmark in tests/bench has such a name.')
  const env = { CHROME_PATH: programs.chromium, REDIS_SERVER: programs.redisServer }
  for (const name of files) {
    const { code } = await run('node', ['--expose-gc', `tests/bench/${name}`], { env })
    if (code !== 0) throw new Stop(`tests/bench/${name} failed (${code}).`)
  }
}

await main(import.meta, bench)
