// `npm run test:tabs`: TABDIS_ENDS (50) ends of the leader in each way, with 2, 4 and 8 tabs. `npm run test:tabs -- freeze 4` only those.
// The seed is TABDIS_SEED.

import { Stop, main } from '../tools/process.mjs'
import { WAYS, line, series } from './tabs.mjs'

async function run() {
  const wanted = process.argv.slice(2)
  const ends = Number(process.env.TABDIS_ENDS ?? 50)
  const seed = Number(process.env.TABDIS_SEED ?? Date.now() % 1e6)
  const all = Object.keys(WAYS).flatMap((way) => [2, 4, 8].map((count) => ({ way, count })))
  const chosen = all.filter(({ way, count }) => wanted.every((word) => [way, String(count)].includes(word)))
  if (!chosen.length) throw new Stop(`There is no such way: ${wanted.join(' ')}. Name one of ${Object.keys(WAYS).join(', ')}, and 2, 4 or 8.`)
  console.log(`TABDIS_SEED=${seed} TABDIS_ENDS=${ends} repeats the moments of this run`)
  const done = []
  for (const scene of chosen) {
    const figures = await series(scene, ends, seed, console.log)
    console.log(line(figures))
    done.push(figures)
  }
  console.log(`\n${done.map(line).join('\n')}`)
  process.exitCode = done.some(({ failure }) => failure) ? 1 : 0
}

await main(import.meta, run)
