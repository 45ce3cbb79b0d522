// `npm run build`: makes pkg/, the npm package, from the crate and from pkg-template/.
//
//   Rust ── cargo ──> wasm ── wasm-bindgen ──> target/glue/ ── wasm-opt ──> pkg/dist/tabdis.wasm
//   pkg-template/src/*.ts and the glue ── esbuild ──> pkg/dist/*.js (ES modules), pkg/dist/cjs/*.js (CommonJS)
//   pkg-template/src/*.ts ── tsc ──> pkg/dist/*.d.ts, pkg/dist/cjs/*.d.ts
//
// `npm run build -- --flavor lean|standard|full` chooses how many families of commands the engine has: the features of Cargo.toml.
//
// To add an entry point, add it to `exports` in pkg-template/package.json: `./dist/NAME.js` is built from `src/NAME.ts`.
// The client imports wasm-bindgen's JavaScript as 'tabdis-glue', and finds the engine beside itself as
// `new URL('./tabdis.wasm', import.meta.url)`, a form that bundlers understand.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { copyFile, cp, mkdir, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Stop, main, must, root, step } from '../tests/tools/process.mjs'
import { setup, wasmBindgen } from '../tests/tools/setup.mjs'

const template = join(root, 'pkg-template')
const glue = join(root, 'target/glue')
const pkg = join(root, 'pkg')
const dist = join(pkg, 'dist')

/** What the glue is made from, and what else pkg/ is made from. */
const glueSources = ['src', 'Cargo.toml', 'Cargo.lock', '.cargo/config.toml']
const pkgSources = [...glueSources, 'pkg-template', 'README.md', 'LICENSE', 'tsconfig.json', 'package-lock.json']

export const flavors = ['lean', 'standard', 'full']

/** What the package has when nothing else is said: all that its types and the reference promise. */
export const usual = 'full'

/** Builds pkg/. With `ifStale`, does nothing if it is of that flavor and no source is newer than it. */
export async function build({ ifStale = false, flavor = usual } = {}) {
  const built = join(pkg, 'package.json')
  if (ifStale && isFresh(built, pkgSources, flavor)) return
  const start = new Date()
  await setup()
  await buildGlue(flavor)
  await rm(pkg, { recursive: true, force: true })
  await mkdir(join(dist, 'cjs'), { recursive: true })
  await step('optimising the wasm', () => optimise(join(glue, 'tabdis_bg.wasm'), join(dist, 'tabdis.wasm')))
  await step('building the client', buildClient)
  await copyDocuments()
  // Last, and dated by the start: it says that the package is whole, and from sources of which time.
  await copyFile(join(template, 'package.json'), built)
  await utimes(built, start, start)
  await printSizes()
}

/** Compiles the crate to wasm and writes its JavaScript, types and wasm into target/glue/, if a source is newer. */
export async function buildGlue(flavor = usual) {
  const built = join(glue, 'tabdis.d.ts')
  if (isFresh(built, glueSources, flavor)) return
  const start = new Date()
  const wasm = await compile(flavor)
  // Without its default path to the wasm: bundlers would look for a file of that name.
  const options = ['--target', 'web', '--omit-default-module-path', '--out-name', 'tabdis', '--out-dir', glue]
  await rm(glue, { recursive: true, force: true })
  await must(wasmBindgen, [...options, wasm])
  await writeFactory()
  await writeFile(join(glue, 'flavor'), flavor)
  await utimes(built, start, start)
}

/** Whether `built` is of this flavor and no source is newer. */
function isFresh(built, sources, flavor) {
  const mark = join(glue, 'flavor')
  if (!existsSync(built) || !existsSync(mark) || newest(sources) > statSync(built).mtimeMs) return false
  return readFileSync(mark, 'utf8') === flavor
}

/** Compiles the engine and returns where it is. */
async function compile(flavor) {
  if (!flavors.includes(flavor)) throw new Stop(`There is no flavor ${flavor}, only ${flavors.join(', ')}.`)
  const features = ['--no-default-features', '--features', flavor]
  const args = ['build', '--profile', 'wasm', '--target', 'wasm32-unknown-unknown', '--lib', ...features]
  await step(`compiling the ${flavor} engine to wasm`, () => must('cargo', args))
  return resolve(root, process.env.CARGO_TARGET_DIR ?? 'target', 'wasm32-unknown-unknown/wasm/tabdis.wasm')
}

/** Returns the size of the engine's wasm in bytes, plain and gzipped, in each flavor. */
export async function flavorSizes() {
  await setup()
  const folder = join(root, 'target/flavors')
  const sizes = {}
  for (const flavor of flavors) {
    await must(wasmBindgen, ['--target', 'web', '--out-name', flavor, '--out-dir', folder, await compile(flavor)])
    const file = join(folder, `${flavor}.wasm`)
    await step(`optimising the ${flavor} wasm`, () => optimise(join(folder, `${flavor}_bg.wasm`), file))
    const bytes = await readFile(file)
    sizes[flavor] = { plain: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length }
  }
  return sizes
}

/**
 * Writes the glue once more, as a function: wasm-bindgen's module has room for one instance, and each database has its own.
 */
async function writeFactory() {
  const { transform } = await import('esbuild')
  const { code } = await transform(await readFile(join(glue, 'tabdis.js'), 'utf8'), { format: 'cjs', target: 'es2022' })
  const wrapped = `export default function create() {\n  const module = {}\n${code}\n  return module.exports\n}\n`
  await writeFile(join(glue, 'create.js'), wrapped)
  await writeFile(join(glue, 'create.d.ts'), "export default function create(): typeof import('./tabdis.js')\n")
}

/** The features that every browser and runtime we support has; Rust uses all but the last by default. */
const wasmFeatures = [
  '--enable-bulk-memory',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-nontrapping-float-to-int',
  '--enable-reference-types',
  '--enable-multivalue',
  '--enable-simd',
]

/** Debug names go here, not by `strip` in Cargo.toml, which would hide the features in use from wasm-bindgen. */
const strip = ['--strip-debug', '--strip-producers', '--strip-target-features']

function optimise(from, to) {
  return must(bin('wasm-opt'), ['-O3', ...wasmFeatures, ...strip, from, '-o', to])
}

async function buildClient() {
  const esbuild = await import('esbuild')
  const options = {
    bundle: true,
    minify: true,
    sourcemap: true,
    target: 'es2022',
    // Peers (ioredis, @redis/client) and Node's own modules stay imports.
    packages: 'external',
    alias: { 'tabdis-glue': join(glue, 'create.js'), 'tabdis-wasm': join(dist, 'tabdis.wasm') },
    loader: { '.wasm': 'binary' },
    logLevel: 'warning',
  }
  // Splitting keeps one copy of what the entry points share: one engine, one set of classes.
  const modules = await entries((entry) => (entry.import ?? entry).default)
  await esbuild.build({ ...options, entryPoints: modules, format: 'esm', splitting: true, outdir: dist })
  // CommonJS is for Node, and has no import.meta.url: give it that of its ES twin, so that both find the same wasm.
  const selfUrl = "const selfUrl = require('node:url').pathToFileURL(__dirname + '/../self.js').href;"
  // Who requires a module with a default export (tabdis/ioredis) gets that, as from the module it stands for, with the rest on it.
  const whole = 'if (module.exports.default) module.exports = Object.assign(module.exports.default, module.exports);'
  const commonJs = { format: 'cjs', platform: 'node', banner: { js: selfUrl }, footer: { js: whole }, define: { 'import.meta.url': 'selfUrl' } }
  const required = await entries((entry) => entry.require && entry.import.default)
  await esbuild.build({ ...options, ...commonJs, entryPoints: required, outdir: join(dist, 'cjs') })
  await writeFile(join(dist, 'cjs/package.json'), '{ "type": "commonjs" }\n')
  // The same types twice: TypeScript takes the module kind of a .d.ts from the package.json above it.
  for (const outDir of [dist, join(dist, 'cjs')]) {
    await must(bin('tsc'), ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', outDir])
  }
}

/** Returns the TypeScript files behind `exports` of pkg-template/package.json, by what `pick` takes of each. Fails if one is not there. */
async function entries(pick) {
  const { exports } = JSON.parse(await readFile(join(template, 'package.json'), 'utf8'))
  const built = Object.values(exports).flatMap((entry) => /^\.\/dist\/(.+)\.js$/.exec(pick(entry))?.[1] ?? [])
  const files = built.map((name) => join(template, 'src', `${name}.ts`))
  for (const file of files) {
    if (!existsSync(file)) throw new Stop(`pkg-template/package.json exports what ${file} should make, but that is not there.`)
  }
  return files
}

async function copyDocuments() {
  for (const name of ['README.md', 'LICENSE']) {
    if (existsSync(join(root, name))) await cp(join(root, name), join(pkg, name))
  }
}

/** Prints what each file of the package weighs, plain and as a server would send it. */
async function printSizes() {
  console.log('\npkg/dist'.padEnd(29) + 'bytes'.padStart(10) + 'gzip'.padStart(10))
  for (const name of (await readdir(dist)).sort()) {
    if (!/\.(js|wasm)$/.test(name)) continue
    const bytes = await readFile(join(dist, name))
    const gzip = gzipSync(bytes, { level: 9 }).length
    console.log(name.padEnd(28) + String((await stat(join(dist, name))).size).padStart(10) + String(gzip).padStart(10))
  }
}

/** Returns when the newest of these files and folders, and of all in them, was changed (ms). */
function newest(paths) {
  const times = paths.map((path) => {
    const full = join(root, path)
    const stats = statSync(full, { throwIfNoEntry: false })
    if (!stats?.isDirectory()) return stats?.mtimeMs ?? 0
    // The folder's own time counts too: it changes when a file is removed.
    return Math.max(stats.mtimeMs, newest(readdirSync(full).map((name) => join(path, name))))
  })
  return Math.max(0, ...times)
}

function bin(name) {
  return join(root, 'node_modules/.bin', name)
}

await main(import.meta, () => {
  const at = process.argv.indexOf('--flavor')
  return build({ ifStale: process.argv.includes('--if-stale'), flavor: at < 0 ? usual : process.argv[at + 1] })
})
