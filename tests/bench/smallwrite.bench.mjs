// What a small durable write costs with 1 M keys present, against the same with none, in Chromium: it must not differ.
import { main, step } from '../tools/process.mjs'
import { ms, ratio, withPage } from './tools/page.mjs'
import { atMost, goals, isQuick, report } from './tools/report.mjs'

const count = isQuick() ? 1e5 : 1e6
const rounds = isQuick() ? 3 : 9
const writes = 200

/** In the page: opens both databases, and gives one its keys, unless it has them. */
async function prepare(t, { durability, count }) {
  t.dbs = { full: await t.open('full', { durability }), empty: await t.open('empty', { durability }) }
  const { full } = t.dbs
  for (let n = await full.dbsize(); n < count; n++) {
    full.sync.set(`key:${String(n).padStart(12, '0')}`, `val:${String(n * 7919).padStart(12, '0')}`)
    if (n % 10_000 === 0) await full.flush()
  }
  // Snapshots that this begins are no part of a small write.
  for (let before; before !== full.status().storage.bytes; ) {
    before = full.status().storage.bytes
    await full.flush()
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/** In the page: returns what a write takes (ms): the mean of `writes`, each awaited. */
async function sample({ dbs }, { which, durability, writes }) {
  const db = dbs[which]
  const start = performance.now()
  for (let n = 0; n < writes; n++) {
    await db.set('small', n)
    if (durability === 'relaxed') await db.flush()
  }
  return (performance.now() - start) / writes
}

async function measure(call, durability) {
  await call.reload()
  await call(prepare, { durability, count })
  const times = { full: [], empty: [] }
  for (let n = 0; n < rounds; n++) {
    for (const which of n % 2 ? ['full', 'empty'] : ['empty', 'full']) times[which].push(await call(sample, { which, durability, writes }))
  }
  await call(({ dbs }) => Promise.all(Object.values(dbs).map((db) => db.close())).then(() => {}))
  return { name: durability, ours: ms(times.full), theirs: ms(times.empty), ratio: ratio(times.full, times.empty), goal: atMost(1.1), times }
}

await main(import.meta, async () => {
  const rows = await withPage(async (call) => {
    const rows = []
    for (const durability of ['relaxed', 'strict']) rows.push(await step(durability, () => measure(call, durability)))
    return rows
  })
  const title = 'A small durable write, Chromium'
  report('smallwrite', [goals({ title, ours: `with ${count / 1e6} M keys`, theirs: 'with none', rows })])
})
