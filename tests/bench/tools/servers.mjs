// Starts the servers that are compared, each on a port of its own and in a folder that is thrown away.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Stop, must, root, step } from '../../tools/process.mjs'
import { findRedisServer } from '../../tools/setup.mjs'
import { Client } from './resp.mjs'

/** Builds `tabdis-server` for release and returns its path. */
export async function buildServer() {
  const args = ['build', '--release', '--features', 'server', '--bin', 'tabdis-server']
  await step('compiling tabdis-server', () => must('cargo', args))
  return resolve(root, process.env.CARGO_TARGET_DIR ?? 'target', 'release/tabdis-server')
}

/** Starts our server and redis-server, runs `work({ tabdis, redis })`, and stops them whatever happens. */
export async function withServers(work) {
  const binary = await buildServer()
  const tabdis = await start(binary)
  let redis
  try {
    redis = await start(findRedisServer(), ['--appendonly', 'no', '--loglevel', 'warning'])
    return await work({ tabdis, redis })
  } finally {
    await tabdis.stop()
    await redis?.stop()
  }
}

/** Starts a server that persists nothing. Returns `{ port, pid, client, program, folder, stop }`. Fails if it does not answer within 5 s. */
export async function start(program, options = []) {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'tabdis-bench-'))
  const child = spawn(program, ['--port', String(port), '--save', '', '--dir', folder, ...options], { stdio: 'ignore' })
  const ended = new Promise((done) => child.on('exit', done).on('error', done))
  const stop = async () => {
    client?.close()
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  const client = await connect(port)
  if (client) return { port, pid: child.pid, client, program, folder, stop }
  await stop()
  throw new Stop(`${program} does not answer on port ${port}.`)
}

async function connect(port) {
  for (let tries = 0; tries < 500; tries++) {
    try {
      return await Client.connect(port)
    } catch {
      await sleep(10)
    }
  }
}

function freePort() {
  return new Promise((done, fail) => {
    const server = createServer().on('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })
}
