// Starting in Chromium: from nothing but the loaded code to all data readable. tabdis opens and reads one key; Dexie reads all rows
// (`toArray`), idb-keyval all entries (`entries`), as apps do that want to read without waiting. Values have 100 B.
//
// The page is loaded anew before every sample. Opening tabdis includes fetching and compiling the engine.
import { main, step } from '../tools/process.mjs'
import { ms, ratio, withPage } from './tools/page.mjs'
import { atLeast, goals, isQuick, report } from './tools/report.mjs'

const sizes = isQuick() ? [1e4, 3e4] : [1e4, 1e5, 1e6]
const peers = ['Dexie', 'idb-keyval']
/** A peer that would be filled longer than this (ms) is not measured with so much data. */
const PATIENCE = 60_000

/** In the page: stores `count` pairs, and returns what that took (ms). */
async function fill(_, { peer, name, count }) {
  const { stores, pairs } = await import('/tools/stores.mjs')
  const store = await stores[peer](name, 'relaxed')
  const start = performance.now()
  for (let n = 0; n < count; n += 10_000) await store.setMany(pairs(n, Math.min(10_000, count - n)))
  const taken = performance.now() - start
  await store.close()
  return taken
}

/** In the page: opens the store with its `count` pairs, reads them, and returns what that took (ms). */
async function start(t, { peer, name, count }) {
  const { stores, pair } = await import('/tools/stores.mjs')
  const [key, value] = pair(count - 1)
  const began = performance.now()
  let found, all
  if (peer === 'tabdis') {
    const db = await t.open(name)
    found = await db.get(key)
    all = await db.dbsize()
  } else {
    const rows = await (await stores[peer](name, 'relaxed')).entries()
    const last = rows.at(-1)
    found = last.value ?? last[1]
    all = rows.length
  }
  const taken = performance.now() - began
  if (found !== value || all !== count) throw new Error(`${peer} read ${all} pairs, the last with ${found}`)
  return taken
}

async function measure(call, count) {
  const rounds = isQuick() ? 2 : count > 1e5 ? 3 : 5
  const times = { tabdis: [] }
  const skipped = []
  for (const peer of ['tabdis', ...peers]) {
    // What a tenth takes says what all would.
    const probe = peer === 'tabdis' || count <= 1e5 ? 0 : await call(fill, { peer, name: `${peer} probe`, count: count / 10 })
    if (probe * 10 > PATIENCE) {
      skipped.push(`${peer} (${Math.round(probe / 100)} s)`)
      continue
    }
    await call(fill, { peer, name: `${peer} ${count}`, count })
    times[peer] = []
  }
  for (let n = 0; n < rounds; n++) {
    for (const peer of Object.keys(times)) {
      await call.reload()
      times[peer].push(await call(start, { peer, name: `${peer} ${count}`, count }))
    }
  }
  return { count, times, skipped }
}

function rows({ count, times, skipped }) {
  const name = `${count.toLocaleString('en')} keys`
  const row = (peer) => ({ name: `${name}: tabdis / ${peer}`, ours: ms(times.tabdis), theirs: ms(times[peer]), ratio: ratio(times[peer], times.tabdis) })
  const compared = Object.keys(times).slice(1).map((peer) => ({ ...row(peer), goal: atLeast(1) }))
  const alone = { name: `${name}: tabdis; too long to fill: ${skipped.join(', ')}`, ours: ms(times.tabdis), theirs: '', ratio: NaN }
  return skipped.length ? [...compared, alone] : compared
}

await main(import.meta, async () => {
  const results = await withPage(async (call) => {
    const results = []
    for (const count of sizes) results.push(await step(`${count.toLocaleString('en')} keys`, () => measure(call, count)))
    return results
  })
  const title = 'Starting in Chromium, until all data can be read'
  const note = 'The ratio is how many times faster tabdis is.'
  report('startup', [goals({ title, note, ours: 'tabdis', theirs: 'peer', rows: results.flatMap(rows) })])
})
