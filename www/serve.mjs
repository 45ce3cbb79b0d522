// `npm start`: builds what is out of date and serves the site: www/ at /, the package as customers get it at /pkg/.
import { createServer } from 'node:http'
import { join } from 'node:path'
import { build } from '../pkg-template/build.mjs'
import { main, root } from '../tests/tools/process.mjs'
import { setup } from '../tests/tools/setup.mjs'

/** Serves the site on `port`, or on a free port if that is taken. Returns the server and its address. */
export async function serve({ port = 8080 } = {}) {
  // Imported here: it may be `setup` that installs it.
  const { default: sirv } = await import('sirv')
  // `dev` reads files as they are now and tells browsers to ask again.
  const pkg = sirv(join(root, 'pkg'), { dev: true })
  const www = sirv(join(root, 'www'), { dev: true })
  const server = createServer((request, response) => {
    if (!request.url.startsWith('/pkg/')) return www(request, response)
    request.url = request.url.slice('/pkg'.length)
    pkg(request, response)
  })
  await listen(server, port).catch((error) => {
    if (error.code !== 'EADDRINUSE') throw error
    return listen(server, 0)
  })
  return { server, address: `http://127.0.0.1:${server.address().port}/` }
}

/** Only this machine is answered. For browsers 127.0.0.1 is as trusted as https, which Web Locks need. */
function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

await main(import.meta, async () => {
  await setup()
  await build({ ifStale: true })
  const wanted = Number(process.env.PORT ?? 8080)
  const { address, server } = await serve({ port: wanted })
  if (server.address().port !== wanted) console.log(`port ${wanted} is taken`)
  console.log(`tabdis is at ${address} (Ctrl+C ends it)`)
})
