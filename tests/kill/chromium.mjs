// Chromium as the victim: a page that writes to IndexedDB, in a profile on the disk.

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { chromium as driver } from 'playwright-core'
import { FLAGS, serve } from '../package/browser.mjs'
import { root } from '../tools/process.mjs'
import { findChromium } from '../tools/setup.mjs'

/** How long the processes of a killed browser may take to be gone (ms). */
const PATIENCE = 10_000
/** How often a page is opened again after renderers were killed. */
const TRIES = 5

/** What comes to an end, and how. Each returns when it has. */
const WAYS = {
  /** The whole browser, all of its processes at once. */
  process: (browser) => browser.kill(),
  /** The process of the page. The browser goes on. */
  async renderer({ cdp, page }) {
    const { processInfo } = await cdp.send('SystemInfo.getProcessInfo')
    const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
    for (const id of renderers) process.kill(id, 'SIGKILL')
    await gone(async () => renderers.filter(lives))
    await page.close()
  },
  tab: ({ page }) => page.close(),
  async navigation({ page }) {
    await page.goto('about:blank')
    await page.close()
  },
  async reload({ page }) {
    await page.reload()
    await page.close()
  },
}

/**
 * Makes a victim with an empty profile, whose life ends in this `way`. `live` lets it make changes from `from` on for `life` ms, from
 * the first that is acknowledged, or with `early` from the beginning, and returns the last that was acknowledged. `look` says
 * what is stored then.
 */
export async function chromium(way) {
  const site = await serve({ '/pkg/': join(root, 'pkg'), '/kill/': join(root, 'tests/kill') })
  const profile = await mkdtemp(join(tmpdir(), 'tabdis-kill-'))
  let browser
  const newPage = async () => {
    browser ??= await launch(profile)
    for (let tries = 0; ; tries++) {
      try {
        const page = await browser.context.newPage()
        await page.goto(site.address)
        return page
      } catch (error) {
        // Chromium may have taken a renderer it keeps in reserve, before it knew that this one was killed too.
        if (way !== 'renderer' || tries === TRIES) throw error
      }
    }
  }
  return {
    async live({ durability, from, life, early }) {
      const page = await newPage()
      let acknowledged = from - 1
      let failure
      let start
      const started = new Promise((resolve) => (start = resolve))
      await page.exposeFunction('acknowledge', (n) => start((acknowledged = Math.max(acknowledged, n))))
      page.on('pageerror', (error) => start((failure = error)))
      const body = async ([durability, from]) => {
        const [{ open }, { write }] = await Promise.all([import('/pkg/dist/index.js'), import('/kill/load.mjs')])
        // Without waiting for the end, which never comes.
        void write(await open('kill', { durability }), durability, from, acknowledge)
      }
      const begun = page.evaluate(body, [durability, from])
      // It may not come to that.
      begun.catch(() => {})
      if (!early) await Promise.race([started, begun.then(() => started)])
      await new Promise((resolve) => setTimeout(resolve, life))
      await WAYS[way]({ page, cdp: browser.cdp, kill: browser.kill })
      if (way === 'process') browser = undefined
      if (failure) throw failure
      return acknowledged
    },
    async look() {
      const page = await newPage()
      try {
        return await page.evaluate(async () => {
          const [{ open }, { look }] = await Promise.all([import('/pkg/dist/index.js'), import('/kill/load.mjs')])
          return look(() => open('kill'))
        })
      } finally {
        await page.close()
      }
    },
    async stop() {
      await browser?.kill()
      await site.stop()
      await rm(profile, { recursive: true, force: true })
    },
  }
}

/** Starts Chromium in a process group of its own. */
async function launch(profile) {
  // What says that somebody uses the profile outlives him.
  for (const name of await readdir(profile)) if (name.startsWith('Singleton')) await rm(join(profile, name), { force: true })
  const args = [...FLAGS, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank']
  const child = spawn(findChromium(), args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const lines = createInterface({ input: child.stderr })
  const address = await new Promise((resolve, reject) => {
    lines.on('line', (line) => /^DevTools listening on (.*)/.test(line) && resolve(line.slice('DevTools listening on '.length)))
    lines.once('close', () => reject(new Error('Chromium ended before it listened')))
  })
  const connection = await driver.connectOverCDP(address)
  const [context] = connection.contexts()
  return {
    context,
    cdp: await connection.newBrowserCDPSession(),
    async kill() {
      process.kill(-child.pid, 'SIGKILL')
      await ended
      await gone(() => processes(profile))
      await connection.close().catch(() => {})
    },
  }
}

/** Waits until `find` finds no processes any more. */
async function gone(find) {
  for (const end = Date.now() + PATIENCE; (await find()).length; ) {
    if (Date.now() > end) throw new Error(`processes of Chromium outlive their end: ${await find()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function lives(id) {
  try {
    return process.kill(id, 0)
  } catch {
    return false
  }
}

/** The processes that were started for a profile. */
async function processes(profile) {
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  const lines = await Promise.all(numbers.map((number) => readFile(`/proc/${number}/cmdline`, 'latin1').catch(() => '')))
  return numbers.filter((_, i) => lines[i].includes(profile))
}
