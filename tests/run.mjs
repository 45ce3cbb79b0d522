// `npm test`: every kind of test in turn, and a table of what they counted. `npm test -- oracle e2e` runs only those parts.
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeCounts, runParts, rustCounts } from './tools/parts.mjs'
import { Stop, main, root } from './tools/process.mjs'
import { setupTests, wasmTestRunner } from './tools/setup.mjs'

const wasmTarget = ['--target', 'wasm32-unknown-unknown']
const cargoTest = ['cargo', 'test', '--no-fail-fast']
const server = ['--features', 'server']
const nodeTest = ['node', '--test', '--test-reporter=spec', '--test-timeout=180000']

/**
 * The parts in their order. A part stands for its `files`: with none there yet, it is left out and the table says so.
 * Rust files in tests/ are native, but for oracle.rs and oracle_*.rs (need a redis-server) and wasm_*.rs (run in a browser).
 */
const parts = ({ chromium, chromedriver, redisServer }) => [
  {
    name: 'native',
    files: ['src/lib.rs'],
    command: [...cargoTest, ...server, '--lib', '--bins', ...testFlags(rustTests().filter(isNative))],
    counts: rustCounts,
  },
  {
    name: 'oracle',
    files: rustTests().filter(isOracle),
    command: [...cargoTest, ...server, ...testFlags(rustTests().filter(isOracle))],
    env: { REDIS_SERVER: redisServer },
    counts: rustCounts,
  },
  {
    name: 'clients',
    files: sources('tests/clients', '.test.mjs'),
    command: [...nodeTest, ...sources('tests/clients', '.test.mjs')],
    counts: nodeCounts,
  },
  {
    name: 'wasm',
    files: rustTests().filter(isWasm),
    command: [...cargoTest, ...wasmTarget, ...testFlags(rustTests().filter(isWasm))],
    env: { CHROMEDRIVER: chromedriver, WASM_BINDGEN_TEST_WEBDRIVER_JSON: webdriverConfig, WASM_BINDGEN_TEST_TIMEOUT: '120' },
    counts: rustCounts,
  },
  {
    name: 'build',
    files: sources('pkg-template/src', '.ts'),
    command: ['node', 'pkg-template/build.mjs', '--if-stale'],
  },
  {
    name: 'package',
    files: sources('tests/package', '.test.mjs'),
    command: [...nodeTest, ...sources('tests/package', '.test.mjs')],
    counts: nodeCounts,
  },
  {
    name: 'kill',
    files: sources('tests/kill', '.test.mjs'),
    command: [...nodeTest, ...sources('tests/kill', '.test.mjs')],
    counts: nodeCounts,
  },
  {
    name: 'tabs',
    files: sources('tests/tabs', '.test.mjs'),
    command: [...nodeTest, '--test-concurrency=1', ...sources('tests/tabs', '.test.mjs')],
    counts: nodeCounts,
  },
  {
    name: 'leader',
    files: sources('tests/leader', '.test.mjs'),
    command: [...nodeTest, '--test-concurrency=1', ...sources('tests/leader', '.test.mjs')],
    counts: nodeCounts,
  },
  {
    name: 'browsers',
    files: sources('tests/browsers', '.test.mjs'),
    // One browser at a time.
    command: [...nodeTest, '--test-concurrency=1', ...sources('tests/browsers', '.test.mjs')],
    counts: nodeCounts,
  },
  {
    name: 'www',
    files: sources('tests/www', '.test.mjs'),
    command: [...nodeTest, ...sources('tests/www', '.test.mjs')],
    counts: nodeCounts,
  },
  {
    name: 'e2e',
    files: sources('tests/e2e', '.test.mjs'),
    // One file at a time: several browsers at once make each other slow and their tests flaky.
    command: [...nodeTest, '--test-concurrency=1', ...sources('tests/e2e', '.test.mjs')],
    env: { CHROME_PATH: chromium },
    counts: nodeCounts,
  },
]

const webdriverConfig = join(root, 'target/webdriver.json')

async function test() {
  const programs = await setupTests()
  await writeWebdriverConfig(programs.chromium)
  const table = parts(programs)
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => !table.some((part) => part.name === name))
  if (unknown.length) throw new Stop(`No such part: ${unknown.join(', ')}. There are ${table.map((part) => part.name).join(', ')}.`)
  const chosen = table.filter((part) => !wanted.length || wanted.includes(part.name))
  const done = await runParts(chosen.filter((part) => part.files.length))
  report(done, chosen.filter((part) => !part.files.length))
}

function report(done, absent) {
  // Again, because the output of other parts has gone over it.
  for (const { name, result } of done) if (result.why) console.log(`\n── what failed in ${name}\n${result.why}`)
  const row = (...cells) => console.log(cells.map((cell, i) => (i ? String(cell).padStart(12) : cell.padEnd(10))).join(''))
  console.log()
  row('part', 'passed', 'failed', 'skipped', 'time')
  for (const { name, result } of done) row(name, result.passed, result.failed, result.skipped, result.time)
  for (const { name } of absent) row(name, 'no tests yet')
  const sum = (what) => done.reduce((total, { result }) => total + result[what], 0)
  const skipped = sum('skipped') ? `, ${sum('skipped')} skipped` : ''
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed${skipped}`)
  process.exitCode = sum('failed') || !sum('passed') ? 1 : 0
}

/** Tells wasm-bindgen's test runner which browser to use; chromedriver alone knows only the usual places. */
async function writeWebdriverConfig(chromium) {
  const args = ['no-first-run', 'disable-quic', 'disable-background-networking', 'disable-component-update', 'disable-sync']
  await mkdir(join(root, 'target'), { recursive: true })
  await writeFile(webdriverConfig, JSON.stringify({ 'goog:chromeOptions': { binary: chromium, args } }))
}

function isWasm(name) {
  return name.startsWith('wasm_')
}

function isOracle(name) {
  return name === 'oracle' || name.startsWith('oracle_')
}

function isNative(name) {
  return !isOracle(name) && !isWasm(name)
}

/** The names of tests/*.rs, as cargo calls them. */
function rustTests() {
  return sources('tests', '.rs').map((path) => path.slice('tests/'.length, -'.rs'.length))
}

function testFlags(names) {
  return names.flatMap((name) => ['--test', name])
}

/** The files right in `folder` whose names end in `ending`, as paths in the checkout; none if there is no such folder. */
function sources(folder, ending) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => `${folder}/${name}`)
}

await main(import.meta, test)
