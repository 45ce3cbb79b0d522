// `npm run test:kill`: TABDIS_KILLS (200) kills of Node and of Chromium in each mode, a quarter as many of tabs. Takes half an hour.
// `npm run test:kill -- chromium tab` only those. The seed is TABDIS_SEED.

import { Stop, main } from '../tools/process.mjs'
import { VICTIMS, line, series } from './kill.mjs'

async function run() {
  const wanted = process.argv.slice(2)
  const kills = Number(process.env.TABDIS_KILLS ?? 200)
  const seed = Number(process.env.TABDIS_SEED ?? Date.now() % 1e6)
  const chosen = VICTIMS.filter(({ name, way, durability }) => wanted.every((word) => [name, way, durability].includes(word)))
  if (!chosen.length) throw new Stop(`There is no such victim: ${wanted.join(' ')}. Name one of ${[...new Set(VICTIMS.flatMap(Object.values))].join(', ')}.`)
  console.log(`TABDIS_SEED=${seed} TABDIS_KILLS=${kills} repeats the moments of this run`)
  const all = []
  for (const victim of chosen) {
    const figures = await series(victim, victim.way === 'process' ? kills : Math.ceil(kills / 4), seed, console.log)
    if (figures.failure) console.log(`${line(figures)}: ${figures.failure}`)
    all.push(figures)
  }
  console.log(`\n${all.map(line).join('\n')}`)
  process.exitCode = all.some(({ failure }) => failure) ? 1 : 0
}

await main(import.meta, run)
