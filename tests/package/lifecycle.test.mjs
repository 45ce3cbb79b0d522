// A page that is put aside, taken out again, or whose browser closes, removes or forgets what it stores.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { findChromium } from '../tools/setup.mjs'
import { FLAGS, inPage, startBrowser } from './browser.mjs'

let site
before(async () => (site = await startBrowser()))
after(() => site?.stop())

/** Opens a database in the page, with its events noted, and stores `value` under k. */
async function start(page, value, options) {
  await inPage(
    page,
    async (t, [value, options]) => {
      t.db = await t.open('shop', options)
      t.events = []
      t.db.on('storage', ({ error }) => t.events.push(error?.code ?? null))
      await t.db.set('k', value)
      await t.db.flush()
    },
    [value, options],
  )
}

/** What the page has under k, what it was told, and whether it can store something. */
const look = (page) => inPage(page, async (t) => [await t.db.get('k'), t.events, await t.db.flush().then(() => 'stored', (error) => error.code)])

/** Lets the page's clock run until `body` finds something there. */
async function later(page, body) {
  for (;;) {
    const found = await inPage(page, body)
    if (found !== undefined) return found
    await page.clock.fastForward(5_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Freezes a page; returns how to thaw it. Chromium tells hidden pages of it, but headless ones are never hidden: they are told here. */
async function freeze(page) {
  const cdp = await page.context().newCDPSession(page)
  await page.evaluate(() => document.dispatchEvent(new Event('freeze')))
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
  return async () => {
    await cdp.send('Page.setWebLifecycleState', { state: 'active' })
    await page.evaluate(() => document.dispatchEvent(new Event('resume')))
  }
}

/** A tab that had the database and is frozen, how to thaw it, and a second one that has it now. */
async function frozen() {
  const first = await site.page()
  await start(first, 'first')
  const thaw = await freeze(first)
  const second = await site.page({ context: first.context() })
  await start(second, 'second')
  return { first, second, thaw }
}

/** Removes what is stored as something else would that knows nothing of the package. */
function erase(page) {
  return inPage(page, async () => {
    const request = indexedDB.deleteDatabase('tabdis:shop')
    await new Promise((resolve) => (request.onsuccess = resolve))
  })
}

/** Waits until the page was told of something. */
const told = (page) => page.waitForFunction(() => globalThis.t.events.length > 0)

test('a database that someone removes is an event at once, and the data goes on in memory', async () => {
  const page = await site.page()
  await start(page, 'v')
  await erase(page)
  await told(page)
  assert.deepEqual(await look(page), ['v', ['GONE'], 'GONE'])
  await inPage(page, (t) => t.db.set('k', 'w'))
  assert.deepEqual(await look(page), ['w', ['GONE'], 'GONE'])
  // Nothing was made in its place.
  assert.deepEqual(await inPage(page, () => indexedDB.databases()), [])
  assert.deepEqual(page.errors, [])
  await page.context().close()
})

test('so is the data of a site that the browser clears', async () => {
  const page = await site.page()
  await start(page, 'v')
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Storage.clearDataForOrigin', { origin: site.address, storageTypes: 'indexeddb' })
  await told(page)
  assert.deepEqual(await look(page), ['v', ['GONE'], 'GONE'])
  await page.context().close()
})

test('what the browser has lost between two visits is an event', async () => {
  const page = await site.page()
  await start(page, 'v')
  await page.goto('about:blank')
  await page.goto(site.address)
  await erase(page)
  const reopen = async (t) => {
    t.db = await t.open('shop')
    t.events = []
    t.db.on('storage', ({ error }) => t.events.push(error?.code ?? null))
    await new Promise((resolve) => setTimeout(resolve, 50))
    return [t.events, await t.db.get('k')]
  }
  assert.deepEqual(await inPage(page, reopen), [['GONE'], null])
  await inPage(page, async (t) => {
    await t.db.set('k', 'w')
    await t.db.close()
    await t.remove('shop')
  })
  // What was removed with `remove` is not missed.
  assert.deepEqual(await inPage(page, reopen), [[], null])
  await page.context().close()
})

test('a connection that the browser closes is opened again', async () => {
  const script = `
    const { open } = IDBFactory.prototype
    globalThis.connections = []
    IDBFactory.prototype.open = function (...args) {
      const request = open.apply(this, args)
      request.addEventListener('success', () => connections.push(request.result))
      return request
    }`
  const page = await site.page({ script })
  await start(page, 'v')
  // With its event, and without, as on iOS.
  for (const said of [true, false]) {
    await page.evaluate((said) => {
      const connection = globalThis.connections.at(-1)
      connection.close()
      if (said) connection.dispatchEvent(new Event('close'))
    }, said)
    await inPage(page, (t, value) => t.db.set('k', value), `after ${said}`)
    assert.deepEqual(await look(page), [`after ${said}`, [], 'stored'])
  }
  await page.reload()
  assert.equal(await inPage(page, async (t) => (await t.open('shop')).get('k')), 'after false')
  await page.context().close()
})

test('a browser that does not answer is not waited for without end', async () => {
  const page = await site.page({
    script: `
      const { open } = IDBFactory.prototype
      IDBFactory.prototype.open = function (...args) {
        const request = open.apply(this, args)
        const deaf = { get: () => null, set() {} }
        if (globalThis.silent) Object.defineProperties(request, { onsuccess: deaf, onerror: deaf, addEventListener: { value() {} } })
        return request
      }
      // A transaction whose end is not told.
      const { set, get } = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, 'oncomplete')
      Object.defineProperty(IDBTransaction.prototype, 'oncomplete', {
        get,
        set(listener) {
          if (!globalThis.silent) set.call(this, listener)
        },
      })`,
  })
  await page.clock.install()
  await start(page, 'v')
  await inPage(page, (t) => {
    globalThis.silent = true
    t.db.set('k', 'w')
    void t.db.flush().catch((error) => (t.outcome = [error.code, error.message]))
  })
  assert.deepEqual(await later(page, (t) => t.outcome), ['FAILED', 'the storage failed: the browser does not answer'])
  await inPage(page, () => void (globalThis.silent = false))
  assert.deepEqual(await look(page), ['w', ['FAILED', null], 'stored'])
  await inPage(page, async (t) => {
    await t.db.close()
    globalThis.silent = true
    delete t.outcome
    void t.open('shop').catch((error) => (t.outcome = [error.code, error.message]))
  })
  assert.deepEqual(await later(page, (t) => t.outcome), ['FAILED', 'the storage failed: the browser does not answer'])
  await page.context().close()
})

test('removing a database that something else keeps open ends, and says why', async () => {
  const page = await site.page()
  await page.clock.install()
  await start(page, 'v')
  await inPage(page, async (t) => {
    await t.db.close()
    const request = indexedDB.open('tabdis:shop')
    await new Promise((resolve) => (request.onsuccess = resolve))
    t.other = request.result
    void t.remove('shop').catch((error) => (t.outcome = error.code))
  })
  assert.equal(await later(page, (t) => t.outcome), 'LOCKED')
  await page.context().close()
})

test('a frozen page gives the database up, and takes over what another tab has written', async () => {
  const { first, second, thaw } = await frozen()
  await inPage(second, (t) => t.db.close())
  await thaw()
  await first.waitForFunction(() => globalThis.t.db.sync.get('k') === 'second')
  assert.deepEqual(await look(first), ['second', [], 'stored'])
  await inPage(first, async (t) => {
    await t.db.set('k', 'third')
    await t.db.close()
  })
  assert.equal(await inPage(second, async (t) => (await t.open('shop')).get('k')), 'third')
  await first.context().close()
})

test('a page that thaws while another tab has the database follows it', async () => {
  const { first, second, thaw } = await frozen()
  await thaw()
  await first.waitForFunction(() => globalThis.t.db.sync.get('k') === 'second')
  await inPage(first, (t) => t.db.set('k', 'third'))
  assert.deepEqual(await look(second), ['third', [], 'stored'])
  await inPage(second, (t) => t.db.close())
  assert.deepEqual(await look(first), ['third', [], 'stored'])
  await first.context().close()
})

test('a page that comes back from the cache for the way back goes on', async () => {
  const browser = await chromium.launch({ executablePath: findChromium(), args: FLAGS, ignoreDefaultArgs: ['--disable-back-forward-cache'] })
  try {
    const context = await browser.newContext()
    const first = await context.newPage()
    await first.goto(site.address)
    await start(first, 'first')
    await first.evaluate(() => addEventListener('pageshow', ({ persisted }) => (globalThis.persisted = persisted)))
    const away = async (meanwhile) => {
      await first.goto(`${site.address}/elsewhere`)
      await meanwhile?.()
      await first.goBack({ waitUntil: 'commit' })
      await first.waitForFunction(() => globalThis.persisted)
      await first.evaluate(() => delete globalThis.persisted)
    }
    // Nobody else was there: the data in memory counts.
    await away()
    assert.deepEqual(await look(first), ['first', [], 'stored'])
    const second = await context.newPage()
    await second.goto(site.address)
    await away(async () => {
      await start(second, 'second')
      await inPage(second, (t) => t.db.close())
    })
    await first.waitForFunction(() => globalThis.t.db.sync.get('k') === 'second')
    assert.deepEqual(await look(first), ['second', [], 'stored'])
  } finally {
    await browser.close()
  }
})

test('loading shows how far it is', async () => {
  const page = await site.page()
  const [first, last] = await inPage(page, async (t) => {
    const db = await t.open('large')
    for (let i = 0; i < 20_000; i++) db.sync.set(`key${i}`, `value${i}`)
    await db.flush()
    const { bytes } = db.status().storage
    await db.bgsave()
    while (db.status().storage.bytes === bytes) await new Promise((resolve) => setTimeout(resolve, 5))
    await db.close()
    const said = []
    await t.open('large', { onProgress: (progress) => said.push(progress) })
    return [said[0], said.at(-1)]
  })
  assert.ok(first.done > 0 && first.done < first.total && last.done > first.done && last.done <= last.total, JSON.stringify([first, last]))
  await page.context().close()
})
