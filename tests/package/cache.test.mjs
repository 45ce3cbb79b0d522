// `tabdis/cache`: fresh, stale and fetched values; one that fetches for all; tags; and what happens when fetching fails.

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { root } from '../tools/process.mjs'
import { inPage, startBrowser } from './browser.mjs'

const load = (name) => import(pathToFileURL(join(root, `pkg/dist/${name}.js`)).href)
const { open } = await load('index')
const { createCache } = await load('cache')

describe('a cache', () => {
  let now = 1_800_000_000_000
  let db, cache, calls, offline
  before(async () => (db = await open({ clock: () => now, seed: 1 })))
  after(() => db.close())
  beforeEach(async () => {
    await db.reset()
    ;[calls, offline] = [0, false]
    cache = createCache(db, { isOffline: () => offline })
  })

  /** Fetches the number of the call. */
  const count = async () => ({ n: ++calls })
  const fail = async () => {
    calls++
    throw new Error('no network')
  }

  test('fetches once, and again when the value is no longer fresh', async () => {
    const options = { ttl: 1000 }
    assert.deepEqual(await cache.cached('k', count, options), { n: 1 })
    now += 999
    assert.deepEqual(await cache.cached('k', count, options), { n: 1 })
    now += 1
    assert.deepEqual(await cache.cached('k', count, options), { n: 2 })
    await cache.delete('k')
    assert.deepEqual(await cache.cached('k', count, options), { n: 3 })
  })

  test('fetches once for all who ask at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => cache.cached('k', count, { ttl: 1000 })))
    assert.equal(calls, 1)
    assert.deepEqual(all.at(-1), { n: 1 })
    assert.deepEqual(await db.keys('cache:l:*'), [])
  })

  test('returns what is stale while it is fetched anew', async () => {
    const options = { ttl: 1000, staleWhileRevalidate: 5000 }
    await cache.cached('k', count, options)
    now += 3000
    assert.deepEqual(await Promise.all([cache.cached('k', count, options), cache.cached('k', count, options)]), [{ n: 1 }, { n: 1 }])
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual([await cache.cached('k', count, options), calls], [{ n: 2 }, 2])
    now += 6001
    assert.deepEqual(await cache.cached('k', count, options), { n: 3 })
  })

  test('what fails while something stale is returned is reported once', async () => {
    const errors = []
    const off = db.on('error', (error) => errors.push(error.message))
    await cache.cached('k', count, { ttl: 1 })
    now += 2
    const options = { ttl: 1, staleWhileRevalidate: 100 }
    await Promise.all([cache.cached('k', fail, options), cache.cached('k', fail, options)])
    await new Promise((resolve) => setTimeout(resolve, 5))
    off()
    assert.deepEqual(errors, ['no network'])
  })

  test('forgets what has a tag, also what is being fetched', async () => {
    const options = { ttl: 1000, tags: ['users', 'user:1'] }
    await cache.cached('a', count, options)
    await cache.cached('b', count, { ttl: 1000, tags: ['others'] })
    await cache.invalidate('user:1')
    assert.deepEqual(await cache.cached('a', count, options), { n: 3 })
    assert.deepEqual(await cache.cached('b', count, { ttl: 1000 }), { n: 2 })
    let go
    const slow = cache.cached('c', () => new Promise((resolve) => (go = () => resolve('old'))), options)
    while (!go) await new Promise((resolve) => setTimeout(resolve, 1))
    await cache.invalidate('users')
    go()
    assert.equal(await slow, 'old')
    assert.deepEqual(await cache.cached('c', () => 'new', options), 'new')
    // A mark that was lost, by eviction, is not taken for the one there was.
    await db.del('cache:t:users')
    assert.equal(await cache.cached('c', () => 'newer', options), 'newer')
  })

  test('passes on how fetching fails; off-line it returns what is stale', async () => {
    await cache.cached('k', count, { ttl: 1000 })
    now += 10_000
    await assert.rejects(cache.cached('k', fail, { ttl: 1000 }), { message: 'no network' })
    offline = true
    assert.deepEqual(await cache.cached('k', fail, { ttl: 1000 }), { n: 1 })
    await assert.rejects(cache.cached('never', fail, { ttl: 1000 }), { message: 'no network' })
    now += 86_400_000
    await assert.rejects(cache.cached('k', fail, { ttl: 1000 }), { message: 'no network' })
  })

  test('refuses what JSON cannot hold, and keeps null', async () => {
    await assert.rejects(cache.cached('k', () => undefined, { ttl: 1000 }), TypeError)
    assert.equal(await cache.cached('k', () => null, { ttl: 1000 }), null)
    assert.equal(await cache.cached('k', count, { ttl: 1000 }), null)
  })
})

describe('in several tabs', () => {
  let site, pages
  before(async () => {
    site = await startBrowser()
    const first = await site.page()
    pages = [first, await site.page({ context: first.context() }), await site.page({ context: first.context() })]
    for (const page of pages) {
      await inPage(page, async (t) => {
        const { createCache } = await import('/pkg/dist/cache.js')
        t.db = await t.open('shop')
        t.cache = createCache(t.db, { lock: 1000 })
        t.calls = 0
        t.fetch = (key) => t.cache.cached(key, async () => {
          t.calls++
          await new Promise((resolve) => setTimeout(resolve, 200))
          return `${key} fetched`
        }, { ttl: 60_000 })
      })
    }
  })
  after(() => site?.stop())

  test('one fetches for all', async () => {
    const values = await Promise.all(pages.map((page) => inPage(page, (t) => t.fetch('k'))))
    assert.deepEqual(values, ['k fetched', 'k fetched', 'k fetched'])
    const calls = await Promise.all(pages.map((page) => inPage(page, (t) => t.calls)))
    assert.equal(calls.reduce((a, b) => a + b), 1)
  })

  test('a tab that ends while it fetches keeps the others waiting no longer than its lock lasts', async () => {
    await inPage(pages[2], (t) => {
      void t.cache.cached('gone', () => new Promise(() => {}), { ttl: 60_000 })
    })
    await pages[1].waitForFunction(() => globalThis.t.db.sync.exists('cache:l:gone') === 1)
    await pages[2].close()
    assert.equal(await inPage(pages[1], (t) => t.fetch('gone')), 'gone fetched')
  })
})
