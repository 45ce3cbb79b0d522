// How large the values of a snapshot should be: 64 MB written to IndexedDB and read as values of several sizes, in Chromium and
// Firefox. What is chosen stands in src/persist/write.rs. As there, about 4 MiB go into a transaction, and as much is read at once.
import { inPage, serve } from '../package/browser.mjs'
import { main, step } from '../tools/process.mjs'
import { BROWSERS } from '../browsers/drive.mjs'
import { withPage } from './tools/page.mjs'
import { isQuick, median, report, round } from './tools/report.mjs'

const KIB = 1024
const sizes = [64, 256, 512, 1024, 4096].map((kib) => kib * KIB)
const total = (isQuick() ? 16 : 64) * KIB * KIB
const rounds = isQuick() ? 2 : 5

/** In the page: writes and reads `total` bytes in a new database. Returns the times of both and the longest single `put` (ms). */
async function sample(_, { size, total, name }) {
  const done = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = request.oncomplete = () => resolve(request.result)
      request.onerror = request.onabort = () => reject(request.error)
    })
  const opening = indexedDB.open(name, 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore('values')
  const database = await done(opening)
  const atOnce = Math.max(1, (4 << 20) / size)
  // Bytes that do not compress: some storages do that.
  const value = new Uint8Array(size)
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(value.subarray(at, at + 65_536))
  let longest = 0
  const began = performance.now()
  for (let n = 0; n < total / size; n += atOnce) {
    const transaction = database.transaction('values', 'readwrite', { durability: 'relaxed' })
    for (let m = n; m < n + atOnce; m++) {
      const start = performance.now()
      transaction.objectStore('values').put(value, m)
      longest = Math.max(longest, performance.now() - start)
    }
    transaction.commit()
    await done(transaction)
  }
  const written = performance.now()
  let bytes = 0
  for (let n = 0; n < total / size; n += atOnce) {
    const store = database.transaction('values').objectStore('values')
    const values = await done(store.getAll(IDBKeyRange.bound(n, n + atOnce - 1)))
    for (const { length } of values) bytes += length
  }
  const read = performance.now()
  if (bytes !== total) throw new Error(`${bytes} bytes were read`)
  database.close()
  await done(indexedDB.deleteDatabase(name))
  return { write: written - began, read: read - written, longest }
}

async function measure(call) {
  const results = Object.fromEntries(sizes.map((size) => [size, []]))
  for (let n = 0; n < rounds; n++) {
    for (const size of sizes) results[size].push(await call(sample, { size, total, name: `chunks ${size} ${n}` }))
  }
  return results
}

async function inFirefox() {
  const site = await serve()
  const browser = await BROWSERS.firefox()
  try {
    const page = await browser.open(site.address)
    return await measure((body, arg) => inPage(page, body, arg))
  } finally {
    await browser.stop()
    await site.stop()
  }
}

function table(browser, results) {
  const of = (size, what) => `${round(median(results[size].map((one) => one[what])))} ms`
  const rows = sizes.map((size) => [`${size / KIB} KiB`, of(size, 'write'), of(size, 'read'), of(size, 'longest')])
  return { title: `${total / KIB / KIB} MB in IndexedDB, ${browser}`, head: ['values of', 'write', 'read', 'longest put'], rows, data: results }
}

await main(import.meta, async () => {
  const chromium = await step('in Chromium', () => withPage(measure))
  const firefox = await step('in Firefox', inFirefox)
  report('chunks', [table('Chromium', chromium), table('Firefox', firefox)])
})
