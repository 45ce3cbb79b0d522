// Makes a checkout ready for every verb of package.json; does nothing, quickly, when it is ready already.
//
// Nothing outside the checkout is written or used as a cache, but for what cargo, npm, rustup and apt-get do
// themselves. The exception asks to be named: TABDIS_TOOLS, a folder with wasm-bindgen's programs to copy.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { Stop, main, must, root, run, step } from './process.mjs'

const toolsBin = join(root, '.tools/bin')
const wasmTarget = 'wasm32-unknown-unknown'

export const wasmBindgen = join(toolsBin, 'wasm-bindgen')
export const wasmTestRunner = join(toolsBin, 'wasm-bindgen-test-runner')

/** What building and checking need. Fails with a message saying what to install by hand. */
export async function setup() {
  checkNode()
  await checkRust()
  await addWasmTarget()
  await installNodeModules()
  await installWasmBindgen()
}

/** What testing needs besides `setup`. Returns the paths of the programs found or installed. */
export async function setupTests() {
  await setup()
  const found = () => ({
    chromium: findChromium(),
    chromedriver: findChromedriver(),
    firefox: findFirefox(),
    redisServer: findRedisServer(),
    screen: onPath('Xvfb'),
    webkitDriver: findWebKitDriver(),
  })
  if (missing(found()).length) await installDebianPackages(missing(found()))
  const programs = found()
  if (missing(programs).length) throw new Stop(howToInstall(missing(programs)))
  return programs
}

/** Returns the Chromium or Chrome to test in: CHROME_PATH if set, else the first on PATH; undefined if there is none. */
export function findChromium() {
  return findProgram('CHROME_PATH', ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'])
}

/** Returns the chromedriver: CHROMEDRIVER if set, else the one on PATH. Its version has to be the browser's. */
export function findChromedriver() {
  return findProgram('CHROMEDRIVER', ['chromedriver'])
}

/** Returns the Firefox to test in: FIREFOX_PATH if set, else the first on PATH. */
export function findFirefox() {
  return findProgram('FIREFOX_PATH', ['firefox-esr', 'firefox'])
}

/** Returns the driver of WebKitGTK: WEBKIT_DRIVER if set, else the one on PATH. */
export function findWebKitDriver() {
  return findProgram('WEBKIT_DRIVER', ['WebKitWebDriver'])
}

/** Returns the redis-server to compare with: REDIS_SERVER if set, else the one on PATH. */
export function findRedisServer() {
  return findProgram('REDIS_SERVER', ['redis-server'])
}

/** Returns the version of wasm-bindgen that Cargo.toml pins: library and program have to be of the same version. */
export function wasmBindgenVersion() {
  const pin = /^wasm-bindgen\s*=.*"=(\d+\.\d+\.\d+)"/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))
  if (!pin) throw new Stop('Cargo.toml has to pin wasm-bindgen exactly, as in `wasm-bindgen = "=0.2.130"`.')
  return pin[1]
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) throw new Stop(`Node 20.19 or newer is needed; this is ${process.version}.`)
}

async function checkRust() {
  for (const tool of ['cargo', 'rustc']) {
    if (!onPath(tool)) throw new Stop(`${tool} is missing: install Rust with rustup (https://rustup.rs).`)
  }
}

async function addWasmTarget() {
  const libraries = await must('rustc', ['--print', 'target-libdir', '--target', wasmTarget])
  if (existsSync(libraries.trim())) return
  const help = `Add Rust's ${wasmTarget} target by hand.`
  await step(`adding Rust's ${wasmTarget} target`, () => must('rustup', ['target', 'add', wasmTarget], { help }))
}

async function installNodeModules() {
  // npm writes this file last, so it also tells a finished installation from an interrupted one.
  const installed = modified('node_modules/.package-lock.json')
  if (installed > modified('package-lock.json')) return
  await step('installing node_modules', () => must('npm', ['ci']))
}

async function installWasmBindgen() {
  const pinned = wasmBindgenVersion()
  if (!existsSync(wasmBindgen)) {
    if (process.env.TABDIS_TOOLS) await copyWasmBindgen(process.env.TABDIS_TOOLS)
    else await buildWasmBindgen(pinned)
  }
  const installed = (await must(wasmBindgen, ['--version'])).trim().split(' ')[1]
  if (installed !== pinned) {
    throw new Stop(`Cargo.toml pins wasm-bindgen ${pinned}, but .tools has ${installed}: remove the folder .tools and run this again.`)
  }
}

async function copyWasmBindgen(from) {
  await mkdir(toolsBin, { recursive: true })
  await copyFile(join(from, 'wasm-bindgen-test-runner'), wasmTestRunner)
  await copyFile(join(from, 'wasm-bindgen'), wasmBindgen)
}

/** Builds the programs from the crate. Without --locked: the crate's own lock file names a version that cannot be had. */
function buildWasmBindgen(version) {
  const args = ['install', 'wasm-bindgen-cli', '--version', version, '--root', '.tools']
  // Half the default's build time; what the programs do takes a second at most.
  const env = { CARGO_TARGET_DIR: 'target/tools', CARGO_PROFILE_RELEASE_OPT_LEVEL: '1' }
  return step(`building wasm-bindgen ${version} (once, some minutes)`, () => must('cargo', args, { env }))
}

/** Debian's package for each program that the tests use. */
const debianPackages = {
  chromium: 'chromium',
  chromedriver: 'chromium-driver',
  firefox: 'firefox-esr',
  redisServer: 'redis-server',
  screen: 'xvfb',
  webkitDriver: 'webkit2gtk-driver',
}

function missing(programs) {
  return Object.keys(debianPackages).filter((name) => !programs[name])
}

/** Installs what is missing where that is plainly possible: as root on Debian and its kin. Does nothing elsewhere. */
async function installDebianPackages(names) {
  if (process.getuid?.() !== 0 || !onPath('apt-get')) return
  const packages = names.map((name) => debianPackages[name])
  // RUNLEVEL=1 keeps the packages from starting their services: the tests start their own servers.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  await step(`installing ${packages.join(', ')}`, async () => {
    // A failed update need not matter: the lists at hand may do. The installation says so if they do not.
    await run('apt-get', ['update'], { env, quiet: true })
    await must('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env })
  })
}

function howToInstall(names) {
  return `The tests need what is missing here:
${names.map((name) => `  ${hints[name]}`).join('\n')}
On Debian or Ubuntu: sudo apt-get install ${names.map((name) => debianPackages[name]).join(' ')}`
}

const hints = {
  chromium: 'Chromium or Chrome (on PATH, or named by CHROME_PATH)',
  chromedriver: "chromedriver of the browser's version (on PATH, or named by CHROMEDRIVER)",
  firefox: 'Firefox (on PATH, or named by FIREFOX_PATH)',
  screen: 'Xvfb, the screen that WebKitGTK is shown on',
  webkitDriver: 'WebKitWebDriver of WebKitGTK (on PATH, or named by WEBKIT_DRIVER)',
  redisServer: 'redis-server 7.0 or newer (on PATH, or named by REDIS_SERVER)',
}

/** Returns the program that the variable names, else the first of `names` on PATH. Fails if the variable names nothing. */
function findProgram(variable, names) {
  const named = process.env[variable]
  if (named && !existsSync(named)) throw new Stop(`${variable} is ${named}, which is not there.`)
  return named || names.map(onPath).find(Boolean)
}

function onPath(program) {
  return process.env.PATH.split(delimiter)
    .map((folder) => join(folder, program))
    .find(existsSync)
}

/** Returns when a file of the checkout was last changed (ms), 0 if it is not there. */
function modified(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

await main(import.meta, process.argv.includes('--tests') ? setupTests : setup)
