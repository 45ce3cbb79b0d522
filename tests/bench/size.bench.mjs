// What the package weighs, and how long growing interrupts.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { flavorSizes } from '../../pkg-template/build.mjs'
import { main, root, step } from '../tools/process.mjs'
import { isQuick, report, round } from './tools/report.mjs'

const KB = 1000

/** What each file weighs as a server would send it; the limit of a size is its ratio to the promise. */
async function sizes() {
  const dist = join(root, 'pkg/dist')
  const files = (await readdir(dist)).filter((name) => /\.(js|wasm)$/.test(name)).sort()
  const rows = []
  for (const name of files) {
    const bytes = await readFile(join(dist, name))
    rows.push([name, `${round(bytes.length / KB)} KB`, `${round(gzipSync(bytes, { level: 9 }).length / KB)} KB`, limit(name)])
  }
  return { title: 'Size', head: ['file', 'plain', 'gzip', 'promise / moonshot (gzip)'], rows }
}

/** What the engine weighs by how many families of commands it has. */
async function flavorTable() {
  const promises = { lean: '≤ 150 / 100 KB', standard: '≤ 250 / 200 KB' }
  const kb = (bytes) => `${round(bytes / KB)} KB`
  const rows = Object.entries(await flavorSizes()).map(([flavor, { plain, gzip }]) => [flavor, kb(plain), kb(gzip), promises[flavor] ?? ''])
  return { title: 'The engine by flavor', head: ['flavor', 'plain', 'gzip', 'promise / moonshot (gzip)'], rows }
}

function limit(name) {
  if (name === 'tabdis.wasm') return '≤ 250 / 200 KB'
  return name === 'index.js' ? '≤ 10 / 6 KB' : ''
}

/** The longest single SET on the way to `count` keys in Node, ms; with memory reserved and without. */
async function growth(count) {
  const { open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')))
  const rows = []
  for (const reserve of [400 << 20, 0]) {
    const db = await open({ reserve })
    const times = new Float64Array(count)
    for (let n = 0; n < count; n++) {
      const start = performance.now()
      db.sync.set(`key:${n}`, 'value:0000100000')
      times[n] = performance.now() - start
    }
    await db.close()
    times.sort()
    const at = (part) => `${round(times[Math.min(count - 1, Math.floor(count * part))])} ms`
    rows.push([reserve ? 'memory reserved' : 'memory not reserved', at(0.999), at(0.99999), at(1), reserve ? '≤ 2 / 0.5 ms' : ''])
  }
  const head = ['', '99.9 %', '99.999 %', 'longest', 'promise / moonshot (longest)']
  const note = 'Seen from JavaScript, so pauses of its own collector and of the machine are in the longest.'
  return { title: `Single SETs while growing to ${count / 1e6} M keys, Node`, note, head, rows }
}

await main(import.meta, async () => {
  const weights = await sizes()
  const byFlavor = await flavorTable()
  report('size', [weights, byFlavor, await step('growing', () => growth(isQuick() ? 4e5 : 4e6))])
})
