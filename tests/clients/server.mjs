// Starts `tabdis-server` on a port of its own for the tests of clients.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  return port
}

/** Builds the server and starts it, persisting nothing. Returns `{ port, stop }` when it answers. */
export async function startServer(...options) {
  const port = await freePort()
  execFileSync('cargo', ['build', '--features', 'server', '--bin', 'tabdis-server'], { cwd: root, stdio: 'inherit' })
  const target = process.env.CARGO_TARGET_DIR ?? `${root}/target`
  const args = ['--port', String(port), '--save', '', ...options]
  const server = spawn(`${target}/debug/tabdis-server`, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface(server.stdout)) if (line.includes('Ready to accept')) break
  const stop = async () => {
    server.kill()
    await once(server, 'exit')
  }
  return { port, stop }
}
