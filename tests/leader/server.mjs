// Starts `tabdis-server` with a port for browsers, kills it and starts it again with what it had.

import { execFileSync, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { root } from '../tools/process.mjs'

const SECRET = 'this secret is for tests, and as long as one has to be'

const base64 = (text) => Buffer.from(text).toString('base64url')

/** A token of `user`, good for an hour. */
export function token(user, seconds = 3600) {
  const claims = { sub: user, exp: Math.floor(Date.now() / 1000) + seconds }
  const message = `${base64('{"alg":"HS256","typ":"JWT"}')}.${base64(JSON.stringify(claims))}`
  return `${message}.${createHmac('sha256', SECRET).update(message).digest('base64url')}`
}

/** A port that was free just now. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/**
 * Starts a server whose pages may come from `origins`. Everything it answers is on the disk. `users` are ACL rules by name.
 */
export async function startLeader({ origins = [], users = {} } = {}) {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target')
  execFileSync('cargo', ['build', '--features', 'server', '--bin', 'tabdis-server'], { cwd: root, stdio: ['ignore', 'inherit', 'ignore'] })
  const dir = await mkdtemp(join(tmpdir(), 'tabdis-leader-'))
  const [port, wsPort] = [await freePort(), await freePort()]
  await writeFile(join(dir, 'secret'), SECRET)
  const rules = Object.entries(users).map(([name, rules]) => `user ${name} ${rules}\n`)
  const config = [
    `port ${port}\nbind 127.0.0.1\ndir ${dir}\nsave ""\nappendonly yes\nappendfsync always\nenable-debug-command yes\n`,
    `ws-port ${wsPort}\nws-jwt-secret-file ${join(dir, 'secret')}\nws-origins "${origins.join(' ')}"\n`,
    ...rules,
  ]
  await writeFile(join(dir, 'redis.conf'), config.join(''))
  let child
  const leader = {
    url: `ws://127.0.0.1:${wsPort}/`,
    port,
    /** What it has logged. */
    log: '',
    async start() {
      child = spawn(join(target, 'debug/tabdis-server'), [join(dir, 'redis.conf')], { stdio: ['ignore', 'pipe', 'inherit'] })
      child.stdout.setEncoding('utf8')
      await new Promise((resolve, reject) => {
        child.on('exit', () => reject(new Error(`the server has ended:\n${leader.log}`)))
        let text = ''
        child.stdout.on('data', (data) => {
          leader.log += data
          text += data
          if (text.includes('Ready to accept connections websocket')) resolve()
        })
      })
      child.removeAllListeners('exit')
    },
    /** Kills it as nothing else does. */
    async kill(signal = 'SIGKILL') {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.on('exit', resolve))
      child.kill(signal)
      await ended
    },
    /** A client on its other port. */
    async client() {
      const client = createClient({ url: `redis://127.0.0.1:${port}` })
      client.on('error', () => {})
      await client.connect()
      return client
    },
    async stop() {
      await leader.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
  await leader.start()
  return leader
}
