// RDB files out of a database and into it, and what a damaged store still gives.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { RdbError, open } from '../../pkg/dist/index.js'
import { root } from '../tools/process.mjs'
import { inPage, startBrowser } from './browser.mjs'

const site = await startBrowser()
after(() => site.stop())

/** A database in memory with a bit of everything. */
async function filled() {
  const db = await open()
  await db.set('text', 'héllo', 'EX', 1000)
  await db.hset('hash', { f: 1 })
  await db.rpush('list', 'a', 'b')
  await db.zadd('zset', 1.5, 'm')
  await db.xadd('stream', '1-1', 'f', 'v')
  for (let i = 0; i < 20_000; i++) db.sync.set(`key${i}`, `value ${i}`)
  return db
}

test('what is exported can be imported, with progress both ways', async () => {
  const db = await filled()
  const seen = []
  const file = await db.export({ onProgress: (at) => seen.push(at) })
  assert.equal(Buffer.from(await file.slice(0, 5).arrayBuffer()).toString(), 'REDIS')
  assert.deepEqual(seen.at(-1), { done: 20_005, total: 20_005 })
  const other = await open()
  await other.set('old', 1)
  const steps = []
  assert.equal(await other.import(file, { onProgress: (at) => steps.push(at) }), 20_005)
  assert.deepEqual(steps.at(-1), { done: file.size, total: file.size })
  assert.equal(await other.dbsize(), 20_005)
  assert.deepEqual([await other.get('text'), await other.get('old'), await other.hget('hash', 'f')], ['héllo', null, '1'])
  assert.ok((await other.ttl('text')) > 990)
  assert.equal(await other.call('DEBUG', 'DIGEST').catch(() => 'off'), await db.call('DEBUG', 'DIGEST').catch(() => 'off'))
  await Promise.all([db.close(), other.close()])
})

test('an export is of the moment it began, whatever is written meanwhile', async () => {
  const db = await filled()
  const exporting = db.export()
  await new Promise((resolve) => setTimeout(resolve, 0))
  for (let i = 0; i < 20_000; i++) db.sync.set(`key${i}`, 'changed')
  const other = await open()
  await other.import(await exporting)
  assert.deepEqual([await other.get('key7'), await other.get('key19999'), await db.get('key7')], ['value 7', 'value 19999', 'changed'])
  await Promise.all([db.close(), other.close()])
})

test('a file of redis-server is imported', async () => {
  const db = await open()
  const keys = await db.import(new Blob([await readFile(join(root, 'tests/fixtures/redis-7.0.15.rdb'))]))
  assert.ok(keys > 5)
  assert.ok((await db.dbsize()) > 0)
  await db.close()
})

test('a file that is wrong changes nothing and says what is wrong', async () => {
  const db = await filled()
  const good = new Uint8Array(await (await db.export()).arrayBuffer())
  const spoiled = good.slice()
  spoiled[good.length - 3] ^= 1
  const newer = good.slice()
  newer.set(Buffer.from('0099'), 5)
  const wrong = { FORMAT: Buffer.from('this is no snapshot'), TRUNCATED: good.slice(0, -100), CHECKSUM: spoiled, VERSION: newer, CORRUPT: Buffer.concat([good, Buffer.from('more')]) }
  for (const [code, bytes] of Object.entries(wrong)) {
    await assert.rejects(db.import(new Blob([bytes])), (error) => error instanceof RdbError && error.code === code, code)
    assert.equal(await db.dbsize(), 20_005)
  }
  await db.close()
})

test('both can be cancelled, which changes nothing', async () => {
  const db = await filled()
  const file = await db.export()
  const stop = new AbortController()
  await assert.rejects(db.export({ signal: stop.signal, onProgress: () => stop.abort() }), { name: 'AbortError' })
  const again = new AbortController()
  await db.set('text', 'kept')
  await assert.rejects(db.import(file, { signal: again.signal, onProgress: () => again.abort() }), { name: 'AbortError' })
  assert.equal(await db.get('text'), 'kept')
  // Nothing is left behind that would be in the way.
  assert.equal(await db.import(await db.export()), 20_005)
  await db.close()
})

test('those who watch, wait and track hear of an import', async () => {
  const db = await open()
  const source = await open()
  await source.rpush('queue', 'job')
  await source.set('watched', 1)
  const file = await source.export()
  const session = db.session()
  await session.watch('watched')
  const waiting = db.blpop('queue', 0)
  await db.import(file)
  assert.deepEqual(await waiting, ['queue', 'job'])
  for (const line of [['MULTI'], ['GET', 'watched']]) await session.call(...line)
  assert.equal(await session.call('EXEC'), null)
  session.close()
  await Promise.all([db.close(), source.close()])
})

test('an import is stored as a whole', async () => {
  const page = await site.page()
  await inPage(page, async (t) => {
    const source = await t.open()
    for (let i = 0; i < 5000; i++) source.sync.set(`new${i}`, i)
    const file = await source.export()
    const db = await t.open('shop')
    await db.set('old', 1)
    await db.flush()
    await db.import(file)
    await db.set('after', 1)
    await db.flush()
  })
  await page.reload()
  const found = await inPage(page, async (t) => {
    const db = await t.open('shop')
    return [await db.dbsize(), await db.get('old'), await db.get('new4999'), await db.get('after')]
  })
  assert.deepEqual(found, [5001, null, '4999', '1'])
  await page.context().close()
})

test('a damaged store is read-only, its bytes can be had, and nothing in it changes', async () => {
  const page = await site.page()
  const found = await inPage(page, async (t) => {
    const db = await t.open('shop')
    for (const key of ['a', 'b', 'c']) {
      await db.set(key, 1)
      await db.flush()
    }
    await db.close()
    const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
    const values = async (edit) => {
      const database = await done(indexedDB.open('tabdis:shop'))
      const store = database.transaction('values', 'readwrite').objectStore('values')
      const [keys, all] = await Promise.all([done(store.getAllKeys()), done(store.getAll())])
      if (edit) {
        const at = keys.findIndex((key) => key.startsWith('log-')) + 1
        all[at][all[at].length - 1] ^= 1
        await done(store.put(all[at], keys[at]))
      }
      database.close()
      return JSON.stringify(all.map((value) => [...value]))
    }
    const before = (await values(true), await values())
    const again = await t.open('shop')
    const { readOnly, error } = again.status().storage
    const refused = await again.set('d', 1).catch((error) => error.message)
    const flushed = await again.flush().catch((error) => error.code)
    const imported = await again.import(await again.export()).catch((error) => error.code)
    const bytes = await (await t.rescue('shop')).text()
    await again.close().catch(() => {})
    const none = await t.rescue('nothing').catch((error) => error.code)
    return { readOnly, code: error.code, refused, flushed, imported, commands: bytes.split('VALUE').length - 1, same: (await values()) === before, none, keys: (await indexedDB.databases()).length }
  })
  assert.match(found.refused, /^MISCONF Errors writing to the AOF file: stored data is damaged/)
  delete found.refused
  const { commands, ...rest } = found
  assert.ok(commands >= 5)
  assert.deepEqual(rest, { readOnly: true, code: 'DAMAGED', flushed: 'DAMAGED', imported: 'DAMAGED', same: true, none: 'GONE', keys: 1 })
  await page.context().close()
})

test('WAITAOF waits for the store, and INFO tells of it', async () => {
  const page = await site.page()
  const found = await inPage(page, async (t) => {
    const memory = await t.open('nothing', { durability: 'memory' })
    const refused = await memory.call('WAITAOF', 1, 0, 0).catch((error) => error.message)
    const db = await t.open('shop')
    db.sync.set('k', 'v')
    const reply = await db.call('WAITAOF', 1, 0, 5000)
    const info = await db.call('INFO', 'persistence')
    const line = (name) => new RegExp(`${name}:(.*)`).exec(info)?.[1].trim()
    return {
      refused, reply, pending: db.status().storage.pending, enabled: line('aof_enabled'), written: Number(line('aof_written_bytes')) > 0,
      config: await db.call('CONFIG', 'GET', 'append*'), names: (await indexedDB.databases()).map(({ name }) => name),
      room: typeof (await db.estimate()).quota, persisted: typeof (await db.requestPersistence()),
    }
  })
  assert.match(found.refused, /^ERR WAITAOF cannot be used/)
  assert.deepEqual(found.reply, [1, 0])
  assert.deepEqual([found.pending, found.enabled, found.written, found.room, found.persisted], [false, '1', true, 'number', 'boolean'])
  assert.deepEqual([found.config.appendonly, found.config.appendfsync], ['yes', 'everysec'])
  assert.deepEqual(found.names, ['tabdis:shop'])
  await page.context().close()
})
