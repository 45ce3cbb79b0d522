// The ends of tabs, bounded. `npm run test:tabs` is the long form.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WAYS, line, series } from './tabs.mjs'

const seed = Number(process.env.TABDIS_SEED ?? Date.now() % 1e6)

for (const [n, way] of Object.keys(WAYS).entries()) {
  const count = [2, 3, 4][n % 3]
  test(`${way}: ${count} tabs lose nothing that was acknowledged, have it once, and go on`, async () => {
    const figures = await series({ way, count }, 5, seed)
    console.log(line(figures))
    assert.equal(figures.failure, undefined, `TABDIS_SEED=${seed} npm test -- tabs`)
  })
}
