// Node as the victim: a child that writes to files, killed with SIGKILL.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { root } from '../tools/process.mjs'
import { look, write } from './load.mjs'

const { open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')).href)

/** Makes an empty folder. See `chromium.mjs` for what is returned. */
export async function node() {
  const folder = await mkdtemp(join(tmpdir(), 'tabdis-kill-'))
  return {
    async live({ durability, from, life, early }) {
      const args = [fileURLToPath(import.meta.url), folder, durability, String(from)]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      let text = ''
      child.stdout.setEncoding('utf8')
      const started = new Promise((resolve) => child.stdout.on('data', (chunk) => resolve((text += chunk))))
      const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)))
      if (!early) await Promise.race([started, ended])
      await new Promise((resolve) => setTimeout(resolve, life))
      child.kill('SIGKILL')
      const how = await ended
      if (how !== 'SIGKILL') throw new Error(`the child ended by itself: ${how}`)
      const whole = text.slice(0, text.lastIndexOf('\n'))
      return Number(/ack (\d+)$/.exec(whole)?.[1] ?? from - 1)
    },
    look: () => look(() => open(folder)),
    stop: () => rm(folder, { recursive: true, force: true }),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, durability, from] = process.argv.slice(2)
  const db = await open(folder, { durability })
  await write(db, durability, Number(from), (n) => writeSync(1, `ack ${n}\n`))
}
