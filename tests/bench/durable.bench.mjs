// Durable writes in Chromium: tabdis against idb-keyval, Dexie and localForage, each with a fresh database in every round.
//
// A write counts when its transaction is complete: `relaxed` means that the system has it, `strict` that the disk has. Single writes
// are awaited one after the other, after 300 that do not count; a batch is 1,000 pairs of a 16 B key and a 100 B value in one call (localForage has no such
// call: 1,000 at once).
import { main, step } from '../tools/process.mjs'
import { ratio, withPage } from './tools/page.mjs'
import { atLeast, goals, isQuick, median, report, round } from './tools/report.mjs'

const rounds = isQuick() ? 2 : 5
const work = { warm: isQuick() ? 50 : 300, singles: isQuick() ? 100 : 400, batches: isQuick() ? 3 : 5 }
const peers = ['tabdis', 'idb-keyval', 'Dexie', 'localForage']

/** In the page: returns writes per second, single and in batches. */
async function sample(_, { peer, name, durability, warm, singles, batches }) {
  const { stores, removeStore, pairs } = await import('/tools/stores.mjs')
  const store = await stores[peer](name, durability)
  const timed = async (count, write) => {
    const start = performance.now()
    await write()
    return (count * 1000) / (performance.now() - start)
  }
  // The first one makes what a database makes once, and a few hundred are what compilers need.
  for (let n = 0; n < warm; n++) await store.set('first', `x${n}`)
  const one = pairs(0, singles)
  const single = await timed(singles, async () => {
    for (const [key, value] of one) await store.set(key, value)
  })
  const many = Array.from({ length: batches }, (_, n) => pairs(singles + n * 1000, 1000))
  const batch = await timed(batches * 1000, async () => {
    for (const batch of many) await store.setMany(batch)
  })
  await store.close()
  await removeStore(peer, name)
  return { single, batch }
}

/** Returns `{ single, batch }` of each peer: lists of the rounds' writes per second. */
async function measure(call, durability) {
  const rates = Object.fromEntries(peers.map((peer) => [peer, { single: [], batch: [] }]))
  for (let n = 0; n < rounds; n++) {
    // Who goes first takes turns too.
    for (const peer of n % 2 ? peers.toReversed() : peers) {
      const { single, batch } = await call(sample, { peer, name: `${peer} ${durability} ${n}`, durability, ...work })
      rates[peer].single.push(single)
      rates[peer].batch.push(batch)
    }
  }
  return rates
}

function table(durability, rates) {
  const perSecond = (values) => `${Math.round(median(values)).toLocaleString('en')}/s`
  const row = (kind, peer, goal) => {
    const [mine, theirs] = [rates.tabdis[kind], rates[peer][kind]]
    return { name: `${kind}: tabdis / ${peer}`, ours: perSecond(mine), theirs: perSecond(theirs), ratio: round(ratio(mine, theirs)), goal }
  }
  const rows = ['single', 'batch'].flatMap((kind) => peers.slice(1).map((peer) => row(kind, peer, atLeast(1))))
  const note =
    'Dexie has a setting for the durability of its transactions; those of idb-keyval and localForage, which have none, were given it from outside.'
  return goals({ title: `Durable writes in Chromium, ${durability}`, note, ours: 'tabdis', theirs: 'peer', rows })
}

await main(import.meta, async () => {
  const tables = await withPage(async (call) => {
    const tables = []
    for (const durability of ['relaxed', 'strict']) {
      tables.push(table(durability, await step(durability, () => measure(call, durability))))
    }
    return tables
  })
  report('durable', tables)
})
