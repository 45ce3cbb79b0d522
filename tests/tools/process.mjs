// Runs child processes for the scripts: aloud or quietly, with a sign of life for steps that take long.
import { spawn } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

/** The checkout. Every script runs its commands here, wherever it was called from. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** A failure whose message is all the user needs: shown without a stack by `main`. */
export class Stop extends Error {}

/**
 * Runs a command in the checkout. Returns its exit code and all it printed, without colours.
 * Prints as it goes unless `quiet`. A command that is not there counts as exit code 127.
 */
export function run(command, args = [], { env = {}, quiet = false } = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (stream) => (chunk) => {
      output += chunk
      if (!quiet) stream.write(chunk)
    }
    child.stdout.setEncoding('utf8').on('data', collect(process.stdout))
    child.stderr.setEncoding('utf8').on('data', collect(process.stderr))
    child.on('error', (error) => done({ code: 127, output: error.message }))
    child.on('close', (code) => done({ code: code ?? 1, output: stripVTControlCharacters(output) }))
  })
}

/** Runs a command quietly and returns what it printed. Fails with that text, and `help` under it, if the command failed. */
export async function must(command, args, { env, help = '' } = {}) {
  const { code, output } = await run(command, args, { env, quiet: true })
  if (code !== 0) throw new Stop(`${output.trimEnd()}\n\n\`${[command, ...args].join(' ')}\` failed (${code}). ${help}`.trimEnd())
  return output
}

/** Does `work`, and says so if it takes over a second: when it starts to, every 30 s, and at the end. */
export async function step(title, work) {
  const start = Date.now()
  let told = false
  const tell = (text) => {
    told = true
    console.log(`${title}${text}`)
  }
  const first = setTimeout(() => tell(' …'), 1000)
  const again = setInterval(() => tell(` … ${seconds(start)}`), 30_000)
  try {
    const result = await work()
    if (told) tell(`: done in ${seconds(start)}`)
    return result
  } finally {
    clearTimeout(first)
    clearInterval(again)
  }
}

/** The time since `start` (ms) for people: `0.4 s`, `12 s`, `3 min 20 s`. */
export function seconds(start) {
  const s = (Date.now() - start) / 1000
  if (s < 10) return `${s.toFixed(1)} s`
  if (s < 60) return `${Math.round(s)} s`
  return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`
}

/** Runs a script's work when the file was called directly (not imported): prints a `Stop` plainly and exits with 1. */
export async function main(meta, work) {
  if (process.argv[1] !== fileURLToPath(meta.url)) return
  try {
    await work()
  } catch (error) {
    console.error(error instanceof Stop ? `\n${error.message}` : error)
    process.exit(1)
  }
}
