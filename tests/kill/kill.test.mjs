// The kill tests, bounded: twenty kills in all. `npm run test:kill` is the long form.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VICTIMS, line, series } from './kill.mjs'

const seed = Number(process.env.TABDIS_SEED ?? Date.now() % 1e6)

for (const victim of VICTIMS) {
  const { name, way, durability } = victim
  test(`${name}, ${way} killed: what ${durability} acknowledged is there`, async () => {
    const figures = await series(victim, way === 'process' ? 3 : 1, seed)
    console.log(line(figures))
    assert.equal(figures.failure, undefined, `TABDIS_SEED=${seed} npm test -- kill`)
  })
}
