// Several tabs with one database in Chromium: tabdis against PGlite (its worker for several tabs, relaxed durability, live queries) and Dexie
// (liveQuery). A write is made in a tab that is not the one that has the database (Dexie has none such: each tab writes by itself), and awaited;
// so is a read. Fan-out: from the write in one tab until the last of seven others was told of the new value.
import { main, step } from '../tools/process.mjs'
import { inPage, startBrowser } from '../package/browser.mjs'
import { folders, ratio } from './tools/page.mjs'
import { atMost, goals, isQuick, median, report, round } from './tools/report.mjs'

const rounds = isQuick() ? 2 : 5
const work = { warm: 50, count: isQuick() ? 50 : 300 }
const peers = ['tabdis', 'PGlite', 'Dexie']
const TABS = 8

/** In a page: opens the database and tells what it is told of `live`. */
async function open(t, { peer, name }) {
  const { shared } = await import('/tools/shared.mjs')
  t.db = await shared[peer](name)
  t.seen = new Map()
  await t.db.watch('live', (value) => t.seen.has(value) || t.seen.set(value, performance.timeOrigin + performance.now()))
}

/** In a page: ms of a write and of a read. */
async function sample(t, { warm, count }) {
  const timed = async (body) => {
    const start = performance.now()
    for (let n = 0; n < count; n++) await body(n)
    return (performance.now() - start) / count
  }
  for (let n = 0; n < warm; n++) await t.db.write('k', `warm${n}`)
  const write = await timed((n) => t.db.write('k', `value ${n}`))
  const read = await timed(() => t.db.read('k'))
  return { write, read }
}

/** In a page: writes what others watch; returns when that was. */
async function write(t, value) {
  const at = performance.timeOrigin + performance.now()
  await t.db.write('live', value)
  return at
}

/** In a page: when it was told of a value. */
async function seen(t, value) {
  while (!t.seen.has(value)) await new Promise((resolve) => setTimeout(resolve, 1))
  return t.seen.get(value)
}

async function measure(site, peer, n) {
  const name = `${peer}${n}`
  const pages = [await site.page()]
  while (pages.length < TABS) pages.push(await site.page({ context: pages[0].context() }))
  for (const page of pages) await inPage(page, open, { peer, name })
  const { write: writing, read } = await inPage(pages[1], sample, work)
  const spread = []
  for (let k = 0; k < 12; k++) {
    const value = `live ${k}`
    const at = await inPage(pages[1], write, value)
    const times = await Promise.all(pages.filter((page) => page !== pages[1]).map((page) => inPage(page, seen, value)))
    // The first ones compile.
    if (k >= 2) spread.push(Math.max(...times) - at)
  }
  await pages[0].context().close()
  return { write: writing, read, spread: median(spread) }
}

await main(import.meta, async () => {
  const site = await startBrowser(folders)
  const times = Object.fromEntries(peers.map((peer) => [peer, { write: [], read: [], spread: [] }]))
  try {
    for (let n = 0; n < rounds; n++) {
      for (const peer of n % 2 ? peers.toReversed() : peers) {
        const found = await step(`${peer}, round ${n + 1} of ${rounds}`, () => measure(site, peer, n))
        for (const kind of Object.keys(found)) times[peer][kind].push(found[kind])
      }
    }
  } finally {
    await site.stop()
  }
  const kinds = { write: 'awaited write from another tab', read: 'awaited read', spread: 'fan-out to 7 other tabs' }
  const ms = (values) => `${round(median(values))} ms`
  const rows = Object.entries(kinds).flatMap(([kind, words]) =>
    peers.slice(1).map((peer) => {
      const [mine, theirs] = [times.tabdis[kind], times[peer][kind]]
      return { name: `${words}: tabdis / ${peer}`, ours: ms(mine), theirs: ms(theirs), ratio: round(ratio(mine, theirs)), goal: atMost(1) }
    }),
  )
  report('tabs', [goals({ title: `${TABS} tabs with one database in Chromium`, ours: 'tabdis', theirs: 'peer', rows })])
})
