// Starts the site and a browser for the tests of the page.

import { chromium } from 'playwright-core'
import { serve } from '../../www/serve.mjs'

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

/** Starts site and browser. `TABDIS_SITE` names a site that already runs, to test what is deployed. */
export async function startSite() {
  const { server, address } = process.env.TABDIS_SITE ? { address: process.env.TABDIS_SITE } : await serve({ port: 0 })
  const browser = await chromium.launch({ executablePath: process.env.CHROME_PATH || '/usr/bin/chromium', args: FLAGS })
  return {
    address,
    /** Returns a terminal page in a context of its own: own storage, own language. Fails the test on errors of the page. */
    async open({ setup, path = '', ready = 'true', ...options } = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en-US', reducedMotion: 'reduce', ...options })
      const page = await context.newPage()
      page.setDefaultTimeout(10_000)
      const errors = []
      const foreign = []
      page.on('pageerror', (error) => errors.push(error.message))
      page.on('request', (request) => /^(https?|wss?):/.test(request.url()) && !request.url().startsWith(address) && foreign.push(request.url()))
      await setup?.(page, context)
      await page.goto(address + path)
      await page.waitForSelector('html[data-ready]', { timeout: 30_000, state: 'attached' })
      const state = await page.locator('html').getAttribute('data-ready')
      if (state !== ready) throw new Error(`the page is ${state}: ${await page.locator('main').innerText()}`)
      return new Screen(page, errors, foreign)
    },
    /** Opens a page with an empty database, runs `body` on it and closes it. */
    async visit(options, body) {
      const screen = await this.open(options)
      await screen.run('FLUSHALL')
      await body(screen, screen.page)
      await screen.close()
    },
    async stop() {
      await browser.close()
      server?.closeAllConnections()
      await new Promise((done) => (server ? server.close(done) : done()))
    },
  }
}

/** The page as a person uses it. */
export class Screen {
  constructor(page, errors, foreign) {
    Object.assign(this, { page, errors, foreign })
    this.command = page.locator('#command')
    this.log = page.locator('.log:not([hidden])')
  }

  /** Types a line, presses Enter and returns what was printed for it. */
  async run(line) {
    const before = await this.log.locator('> *').count()
    await this.command.fill(line)
    await this.command.press('Enter')
    await this.page.waitForFunction((n) => document.querySelector('.log:not([hidden])').childElementCount >= n + 2, before)
    return this.printed(before + 1)
  }

  /** Returns the text of the entries of the log from `from` on. */
  async printed(from = 0) {
    const texts = await this.log.locator('> *').evaluateAll((nodes) => nodes.map((node) => node.textContent))
    return texts.slice(from).join('\n')
  }

  /** Resolves when the log contains `text`. */
  async sees(text) {
    await this.log.getByText(text).last().waitFor({ timeout: 5000 })
  }

  /** Returns whether this build of the engine has a command. */
  async knows(name) {
    return (await this.run(`COMMAND INFO ${name}`)) !== '1) (nil)'
  }

  async prompt() {
    return (await this.page.locator('#prompt').textContent()).replace(/\u00a0/g, ' ')
  }

  /** Returns the row of a key in the view of the keyspace. */
  row(key) {
    return this.page.locator('#rows tr').filter({ has: this.page.getByRole('button', { name: key, exact: true }) })
  }

  /** Closes the page. Fails if it had an error or asked another site for anything. */
  async close() {
    await this.page.context().close()
    if (this.errors.length) throw new Error(`errors on the page: ${this.errors.join('; ')}`)
    if (this.foreign.length) throw new Error(`requests to elsewhere: ${this.foreign.join(', ')}`)
  }
}
