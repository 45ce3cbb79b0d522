// A browser with pages that have the package as it was built, and nothing else.

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import sirv from 'sirv'
import { root } from '../tools/process.mjs'
import { findChromium } from '../tools/setup.mjs'

export const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

/** Serves `folders` (`{ '/path/': folder }`). The page at / imports nothing. */
export async function serve(folders = { '/pkg/': join(root, 'pkg') }) {
  const handlers = Object.entries(folders).map(([path, folder]) => [path, sirv(folder, { dev: true })])
  const server = createServer((request, response) => {
    const [path, handler] = handlers.find(([path]) => request.url.startsWith(path)) ?? []
    if (!handler) return response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>test</title>')
    request.url = request.url.slice(path.length - 1)
    handler(request, response)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Starts a browser and a server for `folders`. */
export async function startBrowser(folders) {
  const server = await serve(folders)
  const { address } = server
  const onDisk = []
  const browser = await chromium.launch({ executablePath: findChromium(), args: FLAGS })
  return {
    address,
    browser,
    /** Returns a page that has nothing stored; with `context` one that shares what that page has. `script` runs before all. */
    async page({ context, path = '/', script } = {}) {
      const page = await (context ?? (await browser.newContext())).newPage()
      page.errors = []
      page.on('pageerror', (error) => page.errors.push(error.message))
      if (script) await page.addInitScript(script)
      await page.goto(address + path)
      return page
    },
    /** Returns a page of a browser with a profile on the disk, where quotas hold. */
    async pageOnDisk() {
      const profile = await mkdtemp(join(tmpdir(), 'tabdis-'))
      const context = await chromium.launchPersistentContext(profile, { executablePath: findChromium(), args: FLAGS })
      onDisk.push([context, profile])
      const page = await context.newPage()
      await page.goto(address)
      return page
    },
    async stop() {
      await browser.close()
      for (const [context, profile] of onDisk) {
        await context.close()
        await rm(profile, { recursive: true, force: true })
      }
      await server.stop()
    },
  }
}

/**
 * Runs `body(t, arg)` in the page and returns what it returns. `t` is the package, `t.db` what an earlier body left there. What a
 * body throws is thrown here, with its code.
 */
export async function inPage(page, body, arg) {
  const { value, error } = await page.evaluate(
    async ([code, arg]) => {
      try {
        globalThis.t ??= { ...(await import('/pkg/dist/index.js')) }
        return { value: await (0, eval)(`(${code})`)(globalThis.t, arg) }
      } catch (error) {
        return { error: { name: error.name, code: error.code, message: error.message } }
      }
    },
    [String(body), arg],
  )
  if (error) throw Object.assign(new Error(error.message), error)
  return value
}
