// `npm run check`: what needs no test run: formatting, lints on both targets, types, tidiness.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { buildGlue } from '../pkg-template/build.mjs'
import { runParts } from './tools/parts.mjs'
import { main, root } from './tools/process.mjs'
import { setup } from './tools/setup.mjs'

const deny = ['--', '-D', 'warnings']

/** A part whose `needs` is not there yet is left out. */
const parts = [
  { name: 'format', command: ['cargo', 'fmt', '--check'] },
  { name: 'lint native', command: ['cargo', 'clippy', '--all-targets', '--features', 'server', ...deny] },
  { name: 'lint wasm', command: ['cargo', 'clippy', '--lib', '--target', 'wasm32-unknown-unknown', ...deny] },
  { name: 'lint lean', command: ['cargo', 'clippy', '--lib', '--no-default-features', ...deny] },
  { name: 'types', needs: 'pkg-template/src', command: ['node_modules/.bin/tsc', '--noEmit'] },
  { name: 'tidy', needs: 'tests/tidy.rs', command: ['cargo', 'test', '--features', 'server', '--test', 'tidy'] },
]

async function check() {
  await setup()
  // The client's types include those of the bindings, which wasm-bindgen writes.
  if (existsSync(join(root, 'pkg-template/src'))) await buildGlue()
  const done = await runParts(parts.filter((part) => !part.needs || existsSync(join(root, part.needs))))
  const failed = done.filter((part) => part.result.failed).map((part) => part.name)
  console.log(failed.length ? `\nnot in order: ${failed.join(', ')}` : `\nall ${done.length} checks in order`)
  process.exitCode = failed.length ? 1 : 0
}

await main(import.meta, check)
