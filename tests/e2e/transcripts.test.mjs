// Runs every transcript on the built package in a page in headless Chromium.

import { after, test } from 'node:test'
import { startSite } from './browser.mjs'
import { judge, portable, readCases, runSteps } from '../tools/transcripts.mjs'

const site = await startSite()
const screen = await site.open()
after(() => site.stop())

for (const each of readCases()) {
  test(each.title, { skip: each.leftOut }, async () => {
    const call = `(${runSteps})(${JSON.stringify(portable(each.steps))}, '/pkg/dist/index.js')`
    // What comes back crosses as JSON: see flatten.
    judge(each, revived(await screen.page.evaluate(`(async () => (${flatten})(await ${call}))()`)))
  })
}

/** In the page: byte strings, big and special numbers as what JSON can carry. */
function flatten(value) {
  if (value instanceof Uint8Array) return { bytes: Array.from(value) }
  if (typeof value === 'bigint') return { bigint: String(value) }
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) return { number: Object.is(value, -0) ? '-0' : String(value) }
  if (Array.isArray(value)) return value.map(flatten)
  if (value && typeof value === 'object') return { object: Object.entries(value).map(([key, item]) => [key, flatten(item)]) }
  return value
}

/** Here: back again. */
function revived(value) {
  if (Array.isArray(value)) return value.map(revived)
  if (!value || typeof value !== 'object') return value
  if (value.bytes) return new Uint8Array(value.bytes)
  if ('bigint' in value) return BigInt(value.bigint)
  if ('number' in value) return Number(value.number)
  return Object.fromEntries(value.object.map(([key, item]) => [key, revived(item)]))
}
