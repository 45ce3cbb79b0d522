// A snapshot of 1 M keys (16 B key and value) into IndexedDB, in Chromium: from BGSAVE until it is stored, how long other work of
// the page waits meanwhile, and how long opening takes afterwards. Once more with a sorted set of 200 k members beside them.
import { main, step } from '../tools/process.mjs'
import { withPage } from './tools/page.mjs'
import { bytesText, isQuick, median, report, round } from './tools/report.mjs'

const count = isQuick() ? 1e5 : 1e6
const members = isQuick() ? 2e4 : 2e5
const rounds = isQuick() ? 2 : 5

/** In the page: makes the data and waits until it is stored. */
async function fill(t, { name, count, members }) {
  t.db = await t.open(name)
  const pad = (n) => String(n).padStart(12, '0')
  for (let n = 0; n < count; n++) {
    t.db.sync.set(`key:${pad(n)}`, `val:${pad(n * 7919)}`)
    if (n % 10_000 === 0) await t.db.flush()
  }
  for (let n = 0; n < members; n++) t.db.sync.zadd('board', (n * 7919) % 1_000_003, `key:${pad(n)}`)
  await t.db.flush()
  /** Runs until `done`, as often as the page lets it, and returns the time, and the longest between two turns (ms). */
  t.tick = (done) =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel()
      const start = performance.now()
      let last = start
      let gap = 0
      port1.onmessage = () => {
        const now = performance.now()
        gap = Math.max(gap, now - last)
        last = now
        if (!done(now - start)) return port2.postMessage(null)
        port1.close()
        resolve({ time: now - start, gap })
      }
      port2.postMessage(null)
    })
}

/** In the page: takes a snapshot and returns how that went. */
async function snapshot({ db, tick }) {
  const stored = () => db.status().storage.bytes
  // A snapshot that began by itself is another one: it is over when nothing changes for a while.
  let before
  do {
    before = stored()
    await tick((ms) => ms > 1000)
  } while (stored() !== before)
  // There has to be a log, so that the bytes stored become others when the snapshot takes its place.
  for (const value of ['one', 'two']) await db.set('marker', value)
  await db.flush()
  before = stored()
  const idle = await tick((ms) => ms > 500)
  await db.bgsave()
  const { time, gap } = await tick(() => stored() !== before)
  return { idle: idle.gap, time, gap, bytes: stored() }
}

/** In the page: opens what is stored; returns what that took (ms). */
async function load(t, { name, keys }) {
  const start = performance.now()
  const db = await t.open(name)
  const found = await db.dbsize()
  const time = performance.now() - start
  if (found !== keys) throw new Error(`${found} keys instead of ${keys}`)
  return time
}

async function measure(call, { name, members }) {
  await call(fill, { name, count, members })
  const taken = []
  for (let n = 0; n < rounds; n++) taken.push(await call(snapshot))
  const loads = []
  for (let n = 0; n < rounds; n++) {
    await call.reload()
    loads.push(await call(load, { name, keys: count + 1 + (members ? 1 : 0) }))
  }
  return { name, taken, loads }
}

function rows({ name, taken, loads }) {
  const of = (what) => taken.map((one) => one[what])
  const ms = (n) => `${round(n)} ms`
  const [time, load, idle] = [median(of('time')), median(loads), Math.max(...of('idle'))]
  return [
    [`${name}: BGSAVE until stored`, ms(time), ''],
    [`${name}: longest wait of the page meanwhile, median and most`, `${ms(median(of('gap')))}, ${ms(Math.max(...of('gap')))}`, '≤ 4 ms'],
    [`${name}: the same of the idle page, most`, ms(idle), ''],
    [`${name}: opening, with fetching the engine`, ms(load), ''],
    [`${name}: bytes stored`, bytesText(median(of('bytes'))), ''],
  ]
}

await main(import.meta, async () => {
  const variants = [
    { name: `${count / 1e6} M keys`, members: 0 },
    { name: `${count / 1e6} M keys and a sorted set of ${members / 1000} k`, members },
  ]
  const results = []
  for (const variant of variants) results.push(await step(variant.name, () => withPage((call) => measure(call, variant))))
  const head = ['work', 'measured', 'promise']
  report('snapshot', [{ title: 'A snapshot into IndexedDB, Chromium', head, rows: results.flatMap(rows), data: results }])
})
