// What other libraries keep their things in, with the real libraries.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Redis, errors } from '@upstash/redis'
import { QueryClient } from '@tanstack/query-core'
import { persistQueryClient } from '@tanstack/query-persist-client-core'
import Keyv from 'keyv'
import { createStorage } from 'unstorage'

const { open } = await import('../../pkg/dist/index.js')
const { createRedis, requester } = await import('../../pkg/dist/upstash.js')
const { KeyvTabdis } = await import('../../pkg/dist/keyv.js')
const { createPersister } = await import('../../pkg/dist/tanstack-query.js')
const { tabdisDriver } = await import('../../pkg/dist/unstorage.js')

let db, now
beforeEach(async () => {
  now = 1_800_000_000_000
  db = await open({ clock: () => now })
})
afterEach(() => db.close())

const later = (ms) => {
  now += ms
  db.advance()
}

describe('@upstash/redis', () => {
  test('has its values as JSON, and numbers as numbers', async () => {
    const redis = createRedis(db)
    assert.equal(await redis.set('user', { name: 'Ann', tags: ['a'] }, { ex: 100 }), 'OK')
    assert.deepEqual(await redis.get('user'), { name: 'Ann', tags: ['a'] })
    assert.equal(await redis.ttl('user'), 100)
    assert.equal(await redis.set('user', 'x', { nx: true }), null)
    assert.deepEqual([await redis.incrby('n', 5), await redis.get('n'), await redis.get('none')], [5, 5, null])
    assert.deepEqual([await redis.hset('h', { f: 1, g: { deep: true } }), await redis.hgetall('h')], [2, { f: 1, g: { deep: true } }])
    assert.deepEqual([await redis.rpush('l', 'a', { b: 1 }), await redis.lrange('l', 0, -1)], [2, ['a', { b: 1 }]])
    assert.deepEqual([await redis.zadd('z', { score: 1, member: 'one' }, { score: 2, member: 'two' }), await redis.zrange('z', 0, -1, { withScores: true })], [2, ['one', 1, 'two', 2]])
    assert.deepEqual(await redis.mget('n', 'none'), [5, null])
    assert.equal(await redis.set('text', 'Käse \u{1f9c0}'), 'OK')
    assert.equal(await redis.get('text'), 'Käse \u{1f9c0}')
    assert.deepEqual((await redis.scan(0, { match: 'us*' }))[1], ['user'])
    assert.deepEqual(await redis.json.set('doc', '$', { a: [1, 2] }), 'OK')
    assert.deepEqual(await redis.json.get('doc', '$.a[1]'), [2])
  })

  test('fails as its own client does', async () => {
    const redis = new Redis(requester(db))
    await redis.set('text', 'x')
    await assert.rejects(redis.incr('text'), (error) => error instanceof errors.UpstashError && /^ERR value is not an integer.*command was: \["incr","text"\]/.test(error.message))
    await assert.rejects(redis.lpush('text', 1), /WRONGTYPE/)
  })

  test('runs pipelines, and transactions as one', async () => {
    const redis = createRedis(db)
    assert.deepEqual(await redis.pipeline().set('p', 1).incr('p').get('p').exec(), ['OK', 2, 2])
    assert.deepEqual(await redis.multi().set('m', { x: 1 }).get('m').exec(), ['OK', { x: 1 }])
    await redis.set('text', 'x')
    await assert.rejects(redis.pipeline().incr('text').get('text').exec(), /Command 1 \[ incr \] failed/)
    const kept = await redis.pipeline().incr('text').get('text').exec({ keepErrors: true })
    assert.match(kept[0].error, /not an integer/)
    assert.equal(kept[1].result, 'x')
    await assert.rejects(requester(db).request({ path: ['multi-exec'], body: [['SET', 'only'], ['INCR', 'n']] }), errors.UpstashError)
    assert.equal(await redis.exists('n'), 0)
  })
})

describe('keyv', () => {
  test('keeps, forgets in time, and has what it is asked for', async () => {
    const keyv = new Keyv({ store: new KeyvTabdis(db), namespace: 'app' })
    assert.equal(await keyv.set('k', { deep: [1] }), true)
    assert.equal(await keyv.set('short', 'v', 1000), true)
    assert.deepEqual([await keyv.get('k'), await keyv.get('none'), await keyv.has('k'), await keyv.has('none')], [{ deep: [1] }, undefined, true, false])
    assert.deepEqual(await keyv.get(['k', 'none']), [{ deep: [1] }, undefined])
    assert.ok(db.sync.pttl('app:short') > 0)
    later(1001)
    assert.equal(db.sync.exists('app:short'), 0)
    assert.deepEqual([await keyv.delete('k'), await keyv.delete('k'), await keyv.get('k')], [true, false, undefined])
  })

  test('a namespace is cleared and gone over alone, whatever is in its name', async () => {
    const [one, two] = ['a*', 'ab'].map((namespace) => new Keyv({ store: new KeyvTabdis(db), namespace }))
    for (let n = 0; n < 20; n++) await Promise.all([one.set(`k${n}`, n), two.set(`k${n}`, -n)])
    const seen = []
    for await (const [key, value] of one.iterator()) seen.push([key, value])
    assert.deepEqual(seen.map(([, value]) => value).sort((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n))
    await one.clear()
    assert.deepEqual([await one.get('k1'), await two.get('k1')], [undefined, -1])
    assert.deepEqual([await two.delete(['k1', 'k2']), await two.get('k2')], [true, undefined])
  })
})

describe('unstorage', () => {
  test('keeps values and bytes, with and without a base', async () => {
    for (const base of [undefined, 'cache*:']) {
      const storage = createStorage({ driver: tabdisDriver({ db, base }) })
      await storage.setItem('a:b', { deep: true })
      await storage.setItem('a:c', 'text', { ttl: 10 })
      await storage.setItemRaw('bytes', new Uint8Array([0, 255]))
      assert.deepEqual([await storage.getItem('a:b'), await storage.getItem('a:c'), await storage.getItem('none')], [{ deep: true }, 'text', null])
      assert.deepEqual(new Uint8Array(await storage.getItemRaw('bytes')), new Uint8Array([0, 255]))
      assert.deepEqual((await storage.getKeys('a')).sort(), ['a:b', 'a:c'])
      assert.deepEqual((await storage.getItems(['a:b', 'none'])).map(({ value }) => value), [{ deep: true }, null])
      assert.equal((await storage.getMeta('a:c')).ttl, 10)
      later(10_001)
      assert.equal(await storage.hasItem('a:c'), false)
      await storage.removeItem('a:b')
      assert.deepEqual(await storage.getKeys(), ['bytes'])
      await storage.clear()
      assert.deepEqual(await storage.getKeys(), [])
    }
    assert.equal(await db.dbsize(), 0)
  })

  test('tells what others change', async () => {
    const storage = createStorage({ driver: tabdisDriver({ db, base: 'w' }) })
    await db.set('w:there', 1)
    const told = []
    const stop = await storage.watch((event, key) => told.push(`${event} ${key}`))
    const turn = () => new Promise((resolve) => setTimeout(resolve, 5))
    await turn()
    await db.set('w:new', 1)
    await turn()
    await db.set('w:there', 2)
    await turn()
    await db.del('w:new')
    await db.set('elsewhere', 1)
    await turn()
    assert.deepEqual(told, ['update new', 'update there', 'remove new'])
    await stop()
    await db.set('w:there', 3)
    await turn()
    assert.equal(told.length, 3)
  })
})

describe('TanStack Query', () => {
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

  test('has its cache again, also in another place', async () => {
    const first = new QueryClient()
    const persister = createPersister({ db, throttleTime: 5 })
    const [end, ready] = persistQueryClient({ queryClient: first, persister })
    await ready
    await first.fetchQuery({ queryKey: ['user', 1], queryFn: async () => ({ name: 'Ann' }) })
    for (let n = 0; n < 100 && db.sync.get('REACT_QUERY_OFFLINE_CACHE') === null; n++) await pause(10)
    end()
    const second = new QueryClient()
    const [endSecond, restored] = persistQueryClient({ queryClient: second, persister: createPersister({ db: Promise.resolve(db) }) })
    await restored
    assert.deepEqual(second.getQueryData(['user', 1]), { name: 'Ann' })
    endSecond()
    await persister.removeClient()
    assert.equal(await db.exists('REACT_QUERY_OFFLINE_CACHE'), 0)
    first.clear()
    second.clear()
  })

  test('writes now and then, the last state, and tells what went wrong', async () => {
    const errors = []
    const persister = createPersister({ db, key: 'mine', throttleTime: 20, onError: (error) => errors.push(error) })
    for (let n = 0; n < 50; n++) persister.persistClient({ n })
    assert.equal(await db.exists('mine'), 0)
    await pause(60)
    assert.deepEqual(await persister.restoreClient(), { n: 49 })
    const loop = {}
    loop.loop = loop
    persister.persistClient(loop)
    await pause(60)
    assert.equal(errors.length, 1)
    assert.ok(errors[0] instanceof TypeError)
  })
})

test('tabdis/ioredis, required, is the class, as ioredis is', async () => {
  const Redis = createRequire(import.meta.url)('../../pkg/dist/cjs/ioredis.js')
  assert.equal(Redis.default, Redis)
  assert.equal(Redis.Redis, Redis)
  const redis = new Redis({ host: 'required' })
  assert.equal(await redis.set('k', 'v'), 'OK')
  await redis.quit()
  await Redis.closeAll()
})
