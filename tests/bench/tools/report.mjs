// What a benchmark says: tables on the terminal, numbers in results/NAME.json, and all of them together in RESULTS.md.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { root } from '../../tools/process.mjs'

const folder = join(root, 'tests/bench/results')
const summary = join(root, 'tests/bench/RESULTS.md')

/** How busy the machine was before the benchmark made it so. */
const load = round(loadavg()[0])

/** The order of the parts in RESULTS.md. */
const order = ['server', 'work', 'memory', 'js', 'size', 'durable', 'startup', 'snapshot', 'smallwrite', 'tabs', 'chunks', 'rdb']

/**
 * Prints the tables and keeps them in results/NAME.json. A table is `{ title, note?, head, rows }` with rows of texts, as
 * `goals` makes them, and may carry any `data` besides.
 */
export function report(name, tables) {
  for (const table of tables) print(table)
  mkdirSync(folder, { recursive: true })
  const machine = { node: process.version, cpu: cpus()[0].model, cores: cpus().length, load }
  const result = { name, date: new Date().toISOString(), machine, quick: isQuick(), tables }
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(result, null, 2) + '\n')
}

/** Writes RESULTS.md from the last results of every part. Does nothing for parts that never ran here. */
export function writeSummary() {
  if (!existsSync(folder)) return
  const names = readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5))
  names.sort((a, b) => order.indexOf(a) - order.indexOf(b))
  const parts = names.map((name) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')))
  writeFileSync(summary, [intro, ...parts.map(section)].join('\n'))
}

const intro = `# Measured

Written by \`npm run bench\` from its last run: do not edit. Peers run interleaved with us; every figure is a median over rounds, every
ratio the median of the rounds' ratios. Absolute numbers depend on the machine, ratios far less. **✓✓** reaches the moonshot, **✓**
the promise, **✗** neither; rows without a promise are for information.
`

function section({ name, date, machine, quick, tables }) {
  const head = `## ${name}\n\n${date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, load ${machine.load}, Node ${machine.node}${quick ? ', --quick' : ''}\n`
  const busy = machine.load > 1 ? ['**Other work kept the machine busy: run again before quoting these.**\n'] : []
  return [head, ...busy, ...tables.map(markdown)].join('\n')
}

function markdown({ title, note, head, rows }) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const align = head.map((_, n) => (n === 0 ? '---' : '--:'))
  return [`### ${title}\n`, ...(note ? [`${note}\n`] : []), line(head), `|${align.join('|')}|`, ...rows.map(line), ''].join('\n')
}

/** Prints one table, the first column flush left, the others flush right. */
function print({ title, note, head, rows }) {
  const width = head.map((_, n) => Math.max(...[head, ...rows].map((cells) => [...cells[n]].length)))
  const line = (cells) => cells.map((cell, n) => (n ? cell.padStart(width[n]) : cell.padEnd(width[n]))).join('  ')
  console.log(`\n${title}${note ? `\n${note}` : ''}\n\n${line(head)}\n${width.map((w) => '─'.repeat(w)).join('  ')}`)
  for (const cells of rows) console.log(line(cells))
}

/**
 * A table of ratios beside their targets. A row is `{ name, ours, theirs, ratio, goal? }`: texts, a number, and a goal made by
 * `atLeast` or `atMost`. `more` are further columns: their heads, and functions from a row to its text.
 */
export function goals({ title, note, ours, theirs, more = {}, rows }) {
  const head = ['work', ours, theirs, ...Object.keys(more), 'ratio', 'promise', 'moonshot', '']
  const further = (row) => Object.values(more).map((text) => text(row))
  const cells = (row) => [row.name, row.ours, row.theirs, ...further(row), ratioText(row.ratio), ...goalCells(row)]
  return { title, note, head, rows: rows.map(cells), data: rows }
}

function goalCells({ ratio, goal }) {
  if (!goal) return ['', '', '']
  const { sense, promise, moonshot } = goal
  const reaches = (limit) => limit !== undefined && (sense === '≥' ? ratio >= limit : ratio <= limit)
  const mark = reaches(moonshot) ? '✓✓' : reaches(promise) ? '✓' : '✗'
  return [`${sense} ${promise}×`, moonshot === undefined ? '' : `${sense} ${moonshot}×`, mark]
}

/** A ratio that should be high, or low. */
export const atLeast = (promise, moonshot) => ({ sense: '≥', promise, moonshot })
export const atMost = (promise, moonshot) => ({ sense: '≤', promise, moonshot })

const ratioText = (ratio) => (Number.isNaN(ratio) ? '' : `${ratio.toFixed(2)}×`)

/** Whether the run was asked to be short. */
export const isQuick = () => process.env.BENCH_QUICK === '1' || process.argv.includes('--quick')

/** Returns the median. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Returns `n` with about three digits. */
export function round(n) {
  return Math.abs(n) >= 100 ? Math.round(n) : Number(n.toPrecision(3))
}

/** Returns bytes for people: `1.5 KB`, `12.3 MB`. */
export function bytesText(n) {
  if (n < 1024) return `${round(n)} B`
  return n < 1 << 20 ? `${round(n / 1024)} KB` : `${round(n / (1 << 20))} MB`
}
