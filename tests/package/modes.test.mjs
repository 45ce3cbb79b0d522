// The modes of durability and switching them, what is said of snapshots and log, and a disk that is full: in a page.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inPage, startBrowser } from './browser.mjs'

let site
before(async () => (site = await startBrowser()))
after(() => site?.stop())

test('CONFIG SET appendfsync switches between relaxed and strict', async () => {
  const page = await site.page({
    script: `
      globalThis.asked = []
      const { transaction } = IDBDatabase.prototype
      IDBDatabase.prototype.transaction = function (names, mode, options) {
        if (mode === 'readwrite') asked.push(options?.durability)
        return transaction.apply(this, arguments)
      }`,
  })
  const found = await inPage(page, async (t) => {
    const db = await t.open('shop')
    const seen = []
    for (const fsync of ['always', 'everysec', 'always', 'no']) {
      await db.config('SET', 'appendfsync', fsync)
      await db.flush()
      await db.set('k', fsync)
      const { durability, pending } = db.status().storage
      seen.push([fsync, durability, pending, await db.config('GET', 'appendfsync').then((reply) => reply.appendfsync)])
      await db.flush()
      seen.at(-1).push(globalThis.asked.at(-1))
    }
    return seen
  })
  // In strict, what was answered is stored.
  assert.deepEqual(found, [
    ['always', 'strict', false, 'always', 'strict'],
    ['everysec', 'relaxed', true, 'everysec', 'relaxed'],
    ['always', 'strict', false, 'always', 'strict'],
    ['no', 'relaxed', true, 'no', 'relaxed'],
  ])
  await page.context().close()
})

test('appendonly cannot be turned off where data is kept, nor on where it is not', async () => {
  const page = await site.page()
  const found = await inPage(page, async (t) => {
    const [kept, memory] = [await t.open('shop'), await t.open()]
    const why = (promise) => promise.catch((error) => error.message)
    return [
      await why(kept.config('SET', 'appendonly', 'no')), await why(kept.config('SET', 'appendonly', 'yes')),
      await why(memory.config('SET', 'appendonly', 'yes')), await why(memory.config('SET', 'appendonly', 'no')),
      (await kept.config('GET', 'appendonly')).appendonly, (await memory.config('GET', 'appendonly')).appendonly,
    ]
  })
  const failed = "ERR CONFIG SET failed (possibly related to argument 'appendonly') - "
  assert.deepEqual(found, [
    `${failed}a database with a name always has its log`, 'OK',
    `${failed}a database in memory has no log: open one with a name`, 'OK',
    'yes', 'no',
  ])
  await page.context().close()
})

/** INFO persistence as an object, in a page. */
const READ_INFO = `
  globalThis.persistence = async (db) =>
    Object.fromEntries((await db.call('INFO', 'persistence')).split('\\r\\n').map((line) => line.split(':')).filter((pair) => pair.length === 2))
  globalThis.until = async (check) => {
    while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  // How the snapshot under way went, when it has ended.
  globalThis.outcome = async (db) => {
    await until(async () => (await persistence(db)).rdb_bgsave_in_progress === '0')
    return (await persistence(db)).rdb_last_bgsave_status
  }`

test('INFO says what a snapshot did', async () => {
  const page = await site.page({ script: READ_INFO })
  const found = await inPage(page, async (t) => {
    const { persistence, outcome } = globalThis
    const db = await t.open('shop')
    for (let i = 0; i < 1000; i++) db.sync.set(`k${i}`, i)
    await db.flush()
    const before = await persistence(db)
    const said = await db.bgsave()
    const during = await persistence(db)
    await outcome(db)
    await db.set('more', 1)
    const after = await persistence(db)
    const lastsave = await db.lastsave()
    return { before, said, during, after, lastsave, changes: db.status().changes }
  })
  const { before, during, after } = found
  assert.deepEqual([before.rdb_changes_since_last_save, before.rdb_bgsave_in_progress, before.rdb_saves, before.rdb_last_bgsave_time_sec], ['1000', '0', '0', '-1'])
  assert.deepEqual([found.said, during.rdb_bgsave_in_progress], ['Background saving started', '1'])
  assert.deepEqual([after.rdb_changes_since_last_save, after.rdb_saves, after.rdb_last_bgsave_status, after.rdb_last_bgsave_time_sec], ['1', '1', 'ok', '0'])
  assert.equal(String(found.lastsave), after.rdb_last_save_time)
  assert.ok(Math.abs(found.lastsave - Date.now() / 1000) < 60)
  assert.equal(found.changes, 1001)
  await page.context().close()
})

test('a full disk: reads go on, waiting changes are bounded, what was stored stays, and writing goes on when there is room', async () => {
  const page = await site.pageOnDisk()
  await page.addInitScript(READ_INFO)
  await page.reload()
  const cdp = await page.context().newCDPSession(page)
  const quota = (quotaSize) => cdp.send('Storage.overrideQuotaForOrigin', { origin: site.address, ...(quotaSize && { quotaSize }) })
  await quota(1_000_000)
  const full = async (t) => {
    globalThis.noise = (length) => {
      const bytes = new Uint8Array(length)
      for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, length)))
      return bytes
    }
    t.db = await t.open('shop', { durability: 'strict' })
    t.events = []
    t.db.on('storage', ({ error }) => t.events.push(error?.code ?? null))
    await t.db.set('small', 1)
    // In strict the promise says so.
    let count = 0
    for (;;) {
      const code = await t.db.set(`big${count}`, globalThis.noise(200_000)).then(() => '', (error) => `${error.name} ${error.code}`)
      if (code) return { count, code, events: t.events }
      count++
    }
  }
  const first = await inPage(page, full)
  assert.equal(first.code, 'StorageError QUOTA')
  assert.deepEqual(first.events, ['QUOTA'])
  // Until 64 MiB wait, changes are taken, and reads always.
  const second = await inPage(page, async (t) => {
    const { db } = t
    let waiting = 0
    for (;;) {
      const error = await db.set('waits', globalThis.noise(4_000_000)).then(() => undefined, (error) => error)
      if (error?.code === 'MISCONF') return { waiting, message: error.message, small: await db.get('small'), length: await db.strlen('waits') }
      waiting += 4
    }
  })
  assert.ok(second.waiting >= 60 && second.waiting <= 68, `${second.waiting} MB were taken`)
  assert.equal(second.message, 'MISCONF Errors writing to the AOF file: the storage is full')
  assert.deepEqual([second.small, second.length], ['1', 4_000_000])
  // Loaded while the disk is full: what was answered as stored is there.
  await page.reload()
  const third = await inPage(page, async (t, count) => {
    t.db = await t.open('shop', { durability: 'strict' })
    const stored = []
    for (let i = 0; i < count; i++) stored.push(await t.db.strlen(`big${i}`))
    return [await t.db.get('small'), stored.every((length) => length === 200_000)]
  }, first.count)
  assert.deepEqual(third, ['1', true])
  await quota()
  const last = await inPage(page, async (t) => {
    await t.db.set('again', 1)
    const stored = [await t.db.get('again'), t.db.status().storage.pending]
    await t.db.bgsave().catch(() => {})
    return [...stored, await globalThis.outcome(t.db)]
  })
  assert.deepEqual(last, ['1', false, 'ok'])
  await page.context().close()
})

test('a snapshot that finds no room is said to have failed; the log goes on', async () => {
  const page = await site.page({
    script: `${READ_INFO}
      const { put } = IDBObjectStore.prototype
      IDBObjectStore.prototype.put = function (value, key) {
        if (globalThis.full && key.startsWith('chunk')) throw new DOMException('no room', 'QuotaExceededError')
        return put.apply(this, arguments)
      }`,
  })
  const found = await inPage(page, async (t) => {
    const { persistence, until, outcome } = globalThis
    const db = await t.open('shop')
    db.on('storage', () => {})
    await db.set('k', 'v')
    await db.flush()
    globalThis.full = true
    await db.bgsave()
    const failed = await outcome(db)
    await db.set('k', 'w')
    await db.flush()
    globalThis.full = false
    await db.bgsave()
    await until(async () => (await persistence(db)).rdb_saves === '1')
    const worked = await outcome(db)
    await db.close()
    return [failed, worked, await (await t.open('shop')).get('k')]
  })
  assert.deepEqual(found, ['err', 'ok', 'w'])
  await page.context().close()
})
