// What the package keeps in Firefox and WebKitGTK, and what it says when it cannot: the core of tests/package/storage*.test.mjs.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { inPage, serve } from '../package/browser.mjs'
import { BROWSERS } from './drive.mjs'

for (const [name, start] of Object.entries(BROWSERS)) {
  describe(name, () => {
    let site, browser, page
    before(async () => {
      site = await serve()
      browser = await start()
      page = await browser.open(site.address)
    })
    after(async () => {
      await browser?.stop()
      await site?.stop()
    })

    test('what was stored is there after a reload', async () => {
      await inPage(page, async (t) => {
        const db = await t.open('reload')
        await db.set('k', 'héllo 世界')
        await db.hset('h', { f: 1 })
        await db.set('long', 1, 'EX', 1000)
        await db.zadd('z', 1.5, 'm')
        await db.flush()
      })
      await page.reload()
      const found = await inPage(page, async (t) => {
        const db = await t.open('reload')
        return [await db.get('k'), await db.hget('h', 'f'), (await db.ttl('long')) > 990, await db.zscore('z', 'm'), db.status().storage.mode]
      })
      assert.deepEqual(found.map(String), ['héllo 世界', '1', 'true', '1.5', 'indexeddb'])
    })

    test('strict promises resolve when the change is stored', async () => {
      const [pending, value] = await inPage(page, async (t) => {
        const db = await t.open('strict', { durability: 'strict' })
        await db.set('k', 'v')
        const { pending } = db.status().storage
        await db.close()
        return [pending, await (await t.open('strict')).get('k')]
      })
      assert.deepEqual([pending, value], [false, 'v'])
    })

    test('a megabyte of changes is compacted and comes back', async () => {
      await inPage(page, async (t) => {
        const db = await t.open('large')
        for (let i = 0; i < 3000; i++) db.sync.set(`k${i % 1000}`, `${i}${'x'.repeat(1000)}`)
        await db.bgsave()
        await db.flush()
      })
      await page.reload()
      const found = await inPage(page, async (t) => {
        const db = await t.open('large')
        return [await db.dbsize(), (await db.get('k999')).slice(0, 5)]
      })
      assert.deepEqual(found, [1000, '2999x'])
    })

    test('a damaged log opens as far as it is good', async () => {
      const found = await inPage(page, async (t) => {
        const db = await t.open('damaged')
        for (const key of ['a', 'b', 'c']) {
          await db.set(key, 1)
          await db.flush()
        }
        await db.close()
        const done = (request) => new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result)
          request.onerror = () => reject(request.error)
        })
        const database = await done(indexedDB.open('tabdis:damaged'))
        const store = database.transaction('values', 'readwrite').objectStore('values')
        const range = IDBKeyRange.bound('log-', 'log.')
        const [keys, values] = await Promise.all([done(store.getAllKeys(range)), done(store.getAll(range))])
        values[1][values[1].length - 1] ^= 1
        await done(store.put(values[1], keys[1]))
        database.close()
        const again = await t.open('damaged')
        return [await again.keys('*'), again.status().storage.error.code, await again.flush().catch((error) => error.code)]
      })
      assert.deepEqual(found, [['a'], 'DAMAGED', 'DAMAGED'])
    })

    test('a removed database is told, and the data goes on in memory', async () => {
      const found = await inPage(page, async (t) => {
        const db = await t.open('removed')
        const told = new Promise((resolve) => db.on('storage', ({ error }) => resolve(typeof error.code)))
        await db.set('k', 'v')
        await db.flush()
        await new Promise((resolve, reject) => {
          const request = indexedDB.deleteDatabase('tabdis:removed')
          request.onsuccess = resolve
          request.onerror = reject
        })
        await db.set('k', 'w')
        return [await told, await db.get('k')]
      })
      assert.deepEqual(found, ['string', 'w'])
    })

    test('a page that was left and comes back has what was written meanwhile', async () => {
      await inPage(page, async (t) => {
        t.left = await t.open('left')
        await t.left.set('k', 'first')
        await t.left.flush()
      })
      await page.goto(`${site.address}/elsewhere`)
      // The database is free.
      await inPage(page, async (t) => {
        const db = await t.open('left')
        await db.append('k', ', second')
        await db.close()
      })
      await page.back()
      const found = await inPage(page, async (t) => {
        // Kept for the way back as it was, or loaded anew.
        const db = t.left ?? (await t.open('left'))
        for (const end = Date.now() + 10_000; db.sync.get('k') === 'first' && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 10))
        await db.append('k', ', third')
        await db.flush()
        await db.close()
        return (await t.open('left')).get('k')
      })
      assert.equal(found, 'first, second, third')
    })

    test('a worker has databases too', async () => {
      const found = await inPage(page, async (t) => {
        const code = `
          import { open } from '${location.origin}/pkg/dist/index.js'
          const db = await open('from worker')
          await db.set('k', 'v')
          await db.close()
          postMessage('done')`
        const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), { type: 'module' })
        await new Promise((resolve, reject) => {
          worker.onmessage = resolve
          worker.onerror = (event) => reject(new Error(event.message))
        })
        return (await t.open('from worker')).get('k')
      })
      assert.equal(found, 'v')
    })
  })
}
