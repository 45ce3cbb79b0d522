// Firefox and WebKitGTK as the tests need them: Firefox by WebDriver BiDi, WebKitGTK by its classic WebDriver.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { launch } from 'puppeteer-core'
import { findFirefox, findWebKitDriver } from '../tools/setup.mjs'

/** How long an answer of a page may take (ms). */
const PATIENCE = 60_000

/** The browsers by name. Each starts one and returns `{ version, open, stop }`; `open(address)` returns a page. */
export const BROWSERS = { firefox, webkit }

async function firefox() {
  const browser = await launch({ browser: 'firefox', executablePath: findFirefox(), protocolTimeout: PATIENCE })
  return {
    version: await browser.version(),
    async open(address) {
      const page = await browser.newPage()
      await page.goto(address)
      return {
        evaluate: (body, arg) => page.evaluate(body, arg),
        reload: () => page.reload(),
        goto: (address) => page.goto(address),
        back: () => page.goBack(),
        close: () => page.close(),
      }
    },
    stop: () => browser.close(),
  }
}

/** WebKitGTK needs a screen, if only a pretended one. The driver has one session, so there is one page at a time. */
async function webkit() {
  const screen = await started('Xvfb', ['-displayfd', '1', '-nolisten', 'tcp'], (line) => /^\d+$/.exec(line)?.[0])
  const port = 20_000 + (process.pid % 20_000)
  // Without a sandbox of its own: it has to run as root in containers.
  const env = { ...process.env, DISPLAY: `:${screen.said}`, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1', LIBGL_ALWAYS_SOFTWARE: '1' }
  const driver = spawn(findWebKitDriver(), [`--port=${port}`], { env, stdio: 'ignore' })
  const call = async (method, path, body) => {
    const options = { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE) }
    const response = await fetch(`http://127.0.0.1:${port}${path}`, options)
    const { value } = await response.json()
    if (!response.ok) throw new Error(`WebKitGTK: ${value.error}: ${value.message}`)
    return value
  }
  await retried(() => call('GET', '/status'))
  const { sessionId, capabilities } = await call('POST', '/session', { capabilities: {} })
  const session = `/session/${sessionId}`
  await call('POST', `${session}/timeouts`, { script: PATIENCE })
  return {
    version: `${capabilities.browserName}/${capabilities.browserVersion}`,
    async open(address) {
      await call('POST', `${session}/url`, { url: address })
      return {
        /** As everywhere else: `body` runs in the page, what it returns comes back as JSON. */
        async evaluate(body, arg) {
          const script = `const [arg, done] = arguments
            Promise.resolve().then(() => (${body})(arg)).then((value) => done({ value }), (error) => done({ error: String(error?.stack ?? error) }))`
          const { value, error } = await call('POST', `${session}/execute/async`, { script, args: [arg ?? null] })
          if (error) throw new Error(error)
          return value
        },
        reload: () => call('POST', `${session}/refresh`, {}),
        goto: (address) => call('POST', `${session}/url`, { url: address }),
        back: () => call('POST', `${session}/back`, {}),
        close: () => call('POST', `${session}/url`, { url: 'about:blank' }),
      }
    },
    async stop() {
      await call('DELETE', session).catch(() => {})
      await ended(driver)
      await ended(screen.process)
    },
  }
}

/** Starts a program and waits until `said` finds something in a line of its output. */
async function started(program, args, said) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const failed = once(child, 'error').then(([error]) => Promise.reject(error))
  failed.catch(() => {})
  const found = (async () => {
    for await (const line of createInterface({ input: child.stdout })) if (said(line)) return said(line)
    throw new Error(`${program} ended`)
  })()
  return { process: child, said: await Promise.race([found, failed]) }
}

async function ended(child) {
  if (child.exitCode !== null || child.signalCode) return
  child.kill()
  await once(child, 'exit')
}

async function retried(body) {
  for (let tries = 0; ; tries++) {
    try {
      return await body()
    } catch (error) {
      if (tries === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}
