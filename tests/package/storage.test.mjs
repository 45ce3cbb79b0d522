// What the package keeps in a real browser, and what it says when it cannot.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { inPage, startBrowser } from './browser.mjs'

const site = await startBrowser()
after(() => site.stop())

test('what was stored is there after a reload', async () => {
  const page = await site.page()
  await inPage(page, async (t) => {
    const db = await t.open('shop')
    await db.set('k', 'héllo')
    await db.hset('h', { f: 1 })
    await db.set('short', 1, 'PX', 50)
    await db.set('long', 1, 'EX', 1000)
    await db.flush()
    const { storage } = db.status()
    if (storage.mode !== 'indexeddb' || storage.pending || storage.error) throw new Error(JSON.stringify(storage))
  })
  await page.waitForTimeout(60)
  await page.reload()
  const found = await inPage(page, async (t) => {
    const db = await t.open('shop')
    return [await db.get('k'), await db.hget('h', 'f'), await db.get('short'), await db.ttl('long'), await db.dbsize()]
  })
  assert.deepEqual([...found.slice(0, 3), found[4]], ['héllo', '1', null, 3])
  assert.ok(found[3] > 990)
  await page.context().close()
})

test('what was written is stored by itself', async () => {
  const page = await site.page()
  await inPage(page, async (t) => {
    t.db = await t.open('shop')
    for (let i = 0; i < 1000; i++) t.db.sync.set(`k${i}`, i)
    while (t.db.status().storage.pending) await new Promise((resolve) => setTimeout(resolve, 5))
  })
  await page.reload()
  assert.equal(await inPage(page, async (t) => (await t.open('shop')).dbsize()), 1000)
  await page.context().close()
})

test('closing stores what is not stored, and gives the name free', async () => {
  const page = await site.page()
  const found = await inPage(page, async (t) => {
    const db = await t.open('shop')
    void db.set('k', 'v')
    await db.close()
    const again = await t.open('shop')
    return again.get('k')
  })
  assert.equal(found, 'v')
  await page.context().close()
})

test('databases of different names are different', async () => {
  const page = await site.page()
  const found = await inPage(page, async (t) => {
    const [a, b] = [await t.open('a'), await t.open('b')]
    await a.set('k', 'a')
    await b.call('SELECT', 3)
    await b.set('k', 'b')
    await Promise.all([a.close(), b.close()])
    const [c, d] = [await t.open('a'), await t.open('b')]
    await d.call('SELECT', 3)
    return [await c.get('k'), await d.get('k')]
  })
  assert.deepEqual(found, ['a', 'b'])
  await page.context().close()
})

for (const [where, script] of [
  ['', undefined],
  [' without Web Locks', "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })"],
]) {
  test(`two tabs have the same data${where}, and the second writes when the first has closed`, async () => {
    const first = await site.page({ script })
    await inPage(first, async (t) => {
      t.db = await t.open('shop')
      await t.db.set('k', 'first')
    })
    const second = await site.page({ context: first.context(), script })
    assert.equal(await inPage(second, async (t) => (t.db = await t.open('shop')).get('k')), 'first')
    await inPage(second, async (t) => {
      await t.db.set('k', 'second')
      await t.db.flush()
    })
    assert.equal(await inPage(first, (t) => t.db.get('k')), 'second')
    await inPage(first, (t) => t.db.close())
    await inPage(second, async (t) => {
      await t.db.set('k', 'third')
      await t.db.close()
    })
    assert.equal(await inPage(second, async (t) => (await t.open('shop')).get('k')), 'third')
    assert.deepEqual([...first.errors, ...second.errors], [])
    await first.context().close()
  })
}

test('where tabs cannot talk to one another, one at a time has the database, and says so', async () => {
  const script = 'delete globalThis.BroadcastChannel'
  const first = await site.page({ script })
  const told = await inPage(first, async (t) => {
    t.db = await t.open('shop')
    const event = new Promise((resolve) => t.db.on('storage', resolve))
    await t.db.set('k', 'first')
    return (await event).error.code
  })
  assert.equal(told, 'UNAVAILABLE')
  const second = await site.page({ context: first.context(), script })
  await assert.rejects(inPage(second, (t) => t.open('shop')), { name: 'StorageError', code: 'LOCKED' })
  await inPage(first, (t) => t.db.close())
  assert.equal(await inPage(second, async (t) => (await t.open('shop')).get('k')), 'first')
  await first.context().close()
})

test('the log is compacted, and everything is there afterwards', async () => {
  const page = await site.page()
  const bytes = await inPage(page, async (t) => {
    const db = await t.open('shop')
    const value = 'x'.repeat(1000)
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 1000; i++) db.sync.set(`k${i}`, `${round}${i}${value}`)
      await db.flush()
    }
    // A save on demand leaves nothing in the log but what comes after it.
    await db.bgsave()
    while (db.status().storage.bytes > 100_000) await new Promise((resolve) => setTimeout(resolve, 5))
    db.sync.set('last', 1)
    await db.flush()
    return db.status().storage.bytes
  })
  assert.ok(bytes < 100_000, `${bytes} bytes for 5 MB of changes to 1 MB that compresses well`)
  await page.reload()
  const found = await inPage(page, async (t) => {
    const db = await t.open('shop')
    return [await db.dbsize(), (await db.get('k999')).slice(0, 5), await db.get('last')]
  })
  assert.deepEqual(found, [1001, '4999x', '1'])
  await page.context().close()
})

test('a full disk is an event; the database goes on and stores everything once there is room', async () => {
  const page = await site.pageOnDisk()
  const cdp = await page.context().newCDPSession(page)
  const quota = (quotaSize) => cdp.send('Storage.overrideQuotaForOrigin', { origin: site.address, ...(quotaSize && { quotaSize }) })
  // Before the first write: where there was plenty of room, Chromium does not look again for a while.
  await quota(1_000_000)
  await inPage(page, async (t) => {
    t.db = await t.open('shop')
    t.events = []
    t.db.on('storage', ({ error }) => t.events.push(error?.code ?? null))
    await t.db.set('small', 1)
    await t.db.flush()
  })
  await assert.rejects(
    inPage(page, async (t) => {
      // What does not compress: the quota is of bytes on the disk.
      const noise = () => Uint8Array.from({ length: 300_000 }, () => Math.random() * 256)
      for (let i = 0; i < 20; i++) await t.db.set(`big${i}`, noise())
      await t.db.flush()
    }),
    { name: 'StorageError', code: 'QUOTA' },
  )
  assert.equal(await inPage(page, (t) => t.db.strlen('big19')), 300_000)
  await quota()
  const { events, pending } = await inPage(page, async (t) => {
    await t.db.flush()
    return { events: t.events, pending: t.db.status().storage.pending }
  })
  assert.equal(pending, false)
  assert.equal(events.at(-1), null)
  assert.ok(events.slice(0, -1).every((code) => code === 'QUOTA') && events.length > 1)
  await page.reload()
  assert.equal(await inPage(page, async (t) => (await t.open('shop')).dbsize()), 21)
  await page.context().close()
})

test('a database that someone removes goes on in memory and says so', async () => {
  const page = await site.page()
  const result = await inPage(page, async (t) => {
    const db = await t.open('shop')
    const told = new Promise((resolve) => db.on('storage', ({ error }) => resolve(error.code)))
    await db.set('k', 'v')
    await db.flush()
    await new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase('tabdis:shop')
      request.onsuccess = resolve
      request.onerror = reject
    })
    await db.set('k', 'w')
    return [await told, await db.get('k')]
  })
  assert.deepEqual(result, ['GONE', 'w'])
  await page.context().close()
})

test('where IndexedDB is forbidden the database is in memory, which is an event and in the status', async () => {
  const page = await site.page({ script: "IDBFactory.prototype.open = () => { throw new DOMException('denied', 'SecurityError') }" })
  const result = await inPage(page, async (t) => {
    const db = await t.open('shop')
    const told = new Promise((resolve) => db.on('storage', ({ error }) => resolve(error.code)))
    await db.set('k', 'v')
    const flushed = await db.flush().catch((error) => error.code)
    return [await told, await db.get('k'), db.status().storage.mode, db.status().storage.error.code, flushed]
  })
  assert.deepEqual(result, ['UNAVAILABLE', 'v', 'memory', 'UNAVAILABLE', 'UNAVAILABLE'])
  await page.context().close()
})

test('removing a database leaves nothing of it', async () => {
  const page = await site.page()
  const found = await inPage(page, async (t) => {
    const db = await t.open('shop')
    await db.set('k', 'v')
    await db.close()
    await t.remove('shop')
    return [(await indexedDB.databases()).length, await (await t.open('shop')).get('k')]
  })
  assert.deepEqual(found, [0, null])
  await page.context().close()
})

test('a damaged log opens as far as it is good, and nothing is written over it', async () => {
  const page = await site.page()
  await inPage(page, async (t) => {
    const db = await t.open('shop')
    for (const key of ['a', 'b', 'c']) {
      await db.set(key, 1)
      await db.flush()
    }
    await db.close()
  })
  await inPage(page, edit, { at: 1 })
  const result = await inPage(page, async (t) => {
    const db = await t.open('shop')
    const { error } = db.status().storage
    const flushed = await db.flush().catch((error) => error.code)
    return [await db.keys('*'), error.code, /record|log/.test(error.message), flushed]
  })
  assert.deepEqual(result, [['a'], 'DAMAGED', true, 'DAMAGED'])
  await page.context().close()
})

test('strict promises resolve when the change is stored', async () => {
  const page = await site.page()
  const [pending, ...rest] = await inPage(page, async (t) => {
    const db = await t.open('shop', { durability: 'strict' })
    await db.set('k', 'v')
    const { pending } = db.status().storage
    await db.multi().set('a', 1).incr('a').exec()
    return [pending, db.status().storage.pending, await db.get('a')]
  })
  assert.deepEqual([pending, ...rest], [false, false, '2'])
  await page.context().close()
})

test('a worker has databases too', async () => {
  const page = await site.page()
  const found = await page.evaluate(async () => {
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
    const { open } = await import('/pkg/dist/index.js')
    return (await open('from worker')).get('k')
  })
  assert.equal(found, 'v')
  await page.context().close()
})

/** Changes a byte of the log's record `at` (of those there are, in order). */
async function edit(_, { at }) {
  const request = indexedDB.open('tabdis:shop')
  const database = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
  const store = database.transaction('values', 'readwrite').objectStore('values')
  const get = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
  const range = IDBKeyRange.bound('log-', 'log.')
  const [keys, values] = await Promise.all([get(store.getAllKeys(range)), get(store.getAll(range))])
  values[at][values[at].length - 1] ^= 1
  await get(store.put(values[at], keys[at]))
  database.close()
}
