// Tabs that write, one of which comes to an end again and again: what was acknowledged has to be there, once, and where it was said to be.

import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { FLAGS, serve } from '../package/browser.mjs'
import { root } from '../tools/process.mjs'
import { findChromium } from '../tools/setup.mjs'

/** How long the others may take to go on (ms). */
const PATIENCE = 30_000
/** How long they work between two ends (ms), at least and at most. */
const [SHORTEST, LONGEST] = [100, 600]

/** How a tab comes to an end. What is returned is done when the others have gone on. */
export const WAYS = {
  close: ({ page }) => page.close(),
  navigate: async ({ page }) => {
    await page.goto('about:blank')
    return () => page.close()
  },
  reload: async ({ page }, tabs) => {
    await page.reload()
    return () => tabs.work(page)
  },
  /** Its process ends as by a fault of its own. */
  crash: async ({ page, cdp }) => {
    cdp.send('Page.crash').catch(() => {})
    await new Promise((resolve) => page.once('crash', resolve))
    return () => page.close()
  },
  /** It stands still without a word, with all that it holds, and goes on later. (Chromium's own freezing lets messages through here.) */
  freeze: async ({ cdp, page }) => {
    await cdp.send('Debugger.enable')
    const paused = new Promise((resolve) => cdp.once('Debugger.paused', resolve))
    await cdp.send('Debugger.pause')
    await paused
    return async () => {
      await cdp.send('Debugger.resume')
      await cdp.send('Debugger.disable')
      await page.evaluate(() => globalThis.db.ping())
    }
  },
}

/** A browser with tabs that work. */
class Tabs {
  open = []
  /** What each value was answered. */
  answered = new Map()
  errors = []
  late = 0
  /** Writes of a tab that had led, stood still and was told that another one leads. */
  refused = 0
  names = 0

  static async start() {
    const tabs = new Tabs()
    tabs.site = await serve({ '/pkg/': join(root, 'pkg'), '/tabs/': join(root, 'tests/tabs') })
    tabs.browser = await chromium.launch({ executablePath: findChromium(), args: FLAGS })
    tabs.context = await tabs.browser.newContext()
    return tabs
  }

  async add() {
    const page = await this.context.newPage()
    page.on('pageerror', (error) => this.errors.push(`page: ${error.message}`))
    const cdp = await this.context.newCDPSession(page)
    const tab = { page, cdp, last: undefined }
    await page.exposeFunction('tell', (told) => this.hear(tab, told))
    await page.goto(this.site.address)
    this.open.push(tab)
    await this.work(page)
    return tab
  }

  work(page) {
    const body = async (name) => {
      const [{ open }, { work }] = await Promise.all([import('/pkg/dist/index.js'), import('/tabs/load.mjs')])
      globalThis.db = await open('tabs')
      globalThis.halt = work(globalThis.db, name, globalThis.tell)
    }
    return page.evaluate(body, `tab${++this.names}`)
  }

  hear(tab, told) {
    for (const answer of told) {
      if (answer.length === 'late') this.late++
      else if (/^READONLY this tab was put aside/.test(answer.length)) this.refused++
      else if (typeof answer.length === 'string') this.errors.push(answer.length)
      else this.answered.set(answer.value, answer)
      tab.last = answer
    }
  }

  /** The tab that leads, as another one says. */
  async leader() {
    for (;;) {
      for (const tab of this.open) {
        if ((await tab.page.evaluate(() => globalThis.db.status().tabs.role)) === 'leader') return tab
      }
      await sleep(20)
    }
  }

  async stop() {
    await this.browser.close()
    await this.site.stop()
  }
}

/** Lets `count` tabs work, and the leader (every fourth time another one) come to an end in this `way` for `ends` times. Returns the figures. */
export async function series({ way, count }, ends, seed, progress = () => {}) {
  const chance = random(seed)
  const tabs = await Tabs.start()
  const takeOvers = []
  let failure
  try {
    for (let i = 0; i < count; i++) await tabs.add()
    for (let n = 1; n <= ends; n++) {
      await sleep(SHORTEST + chance() * (LONGEST - SHORTEST))
      const leader = await tabs.leader()
      const follower = tabs.open.find((tab) => tab !== leader)
      const victim = n % 4 === 0 ? follower : leader
      const name = await victim.page.evaluate(() => globalThis.db.status().tabs.name)
      const others = tabs.open.filter((tab) => tab !== victim)
      const began = Date.now()
      const after = await WAYS[way](victim, tabs)
      // All of the others go on: with something that was begun after the end.
      const on = async (tab) => {
        while (!(tab.last?.begun > began && tab.last.leader !== name)) {
          if (Date.now() - began > PATIENCE) throw new Error(`a tab does not go on after ${way} ${n}: ${JSON.stringify(tab.last)}`)
          await sleep(1)
        }
        return tab.last.at - began
      }
      const times = await Promise.all(others.map(on))
      if (victim === leader) takeOvers.push(Math.max(...times))
      await after?.()
      if (victim.page.isClosed()) {
        tabs.open.splice(tabs.open.indexOf(victim), 1)
        await tabs.add()
      }
      if (n % 10 === 0) progress(`${way}, ${count} tabs: ${n} of ${ends}`)
    }
    failure = await check(tabs)
  } catch (error) {
    failure = error.message
  } finally {
    await tabs.stop()
  }
  takeOvers.sort((a, b) => a - b)
  const { answered, late, errors, refused } = tabs
  return { way, count, ends, acknowledged: answered.size, late, refused, errors: errors.length, takeOvers, failure: failure ?? (late || errors.length ? `${late} requests unanswered, errors: ${[...new Set(errors)].join('; ')}` : undefined) }
}

/** What is wrong with what all tabs have at the end, if anything is. */
async function check(tabs) {
  const states = []
  for (const { page } of tabs.open) await page.evaluate(() => globalThis.halt())
  for (const { page } of tabs.open) {
    states.push(
      await page.evaluate(async () => {
        const lists = {}
        const { db } = globalThis
        // What this tab has written is in what it reads.
        await db.set('last', 1)
        for (const list of ['list0', 'list1', 'list2']) lists[list] = await db.lrange(list, 0, -1)
        return lists
      }),
    )
  }
  const lost = []
  for (const lists of states) {
    const seen = new Set()
    for (const [list, values] of Object.entries(lists)) {
      for (const [at, value] of values.entries()) {
        if (seen.has(value)) return `${value} is there twice`
        seen.add(value)
        const answer = tabs.answered.get(value)
        if (answer && (answer.list !== list || answer.length !== at + 1)) return `${value} is at ${at} of ${list}, and was said to be at ${answer.length - 1} of ${answer.list}`
      }
    }
    lost.push(...[...tabs.answered.keys()].filter((value) => !seen.has(value)))
  }
  return lost.length ? `${lost.length} acknowledged values are lost: ${lost.slice(0, 5).join(' ')}` : undefined
}

/** A line of figures. */
export function line({ way, count, ends, acknowledged, late, refused, errors, takeOvers, failure }) {
  const at = (share) => takeOvers[Math.min(takeOvers.length - 1, Math.floor(takeOvers.length * share))]
  const times = takeOvers.length ? `take-over ${at(0.5)} ms median, ${takeOvers.at(-1)} ms at most (${takeOvers.length})` : 'no take-over'
  return `${way}, ${count} tabs: ${ends} ends, ${acknowledged} acknowledged, ${late} unanswered, ${refused} refused, ${errors} errors, ${times}${failure ? `: ${failure}` : ''}`
}

/** A small generator of numbers between 0 and 1, the same for the same seed. */
function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
