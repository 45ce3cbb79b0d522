// Parts of a database, other databases, iterations, waits that are ended, and what INFO says.

import assert from 'node:assert/strict'
import { after, afterEach, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { root } from '../tools/process.mjs'

const { ReplyError, open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')).href)

const db = await open()
after(() => db.close())
afterEach(() => db.sync.flushall())

const turn = () => new Promise((resolve) => setTimeout(resolve, 0))
const collect = async (iterator) => {
  const all = []
  for await (const item of iterator) all.push(item)
  return all.sort()
}

describe('a namespace', () => {
  const users = db.namespace('user:')

  test('puts its prefix before all keys of a command, wherever they are', async () => {
    await users.set('1', 'a')
    await users.mset({ 2: 'b', 3: 'c' })
    await users.zadd('z1', 1, 'm')
    await users.zunionstore('z2', 1, 'z1')
    await users.set(new TextEncoder().encode('bytes'), 'd')
    assert.equal(users.sync.get('1'), 'a')
    assert.deepEqual(await users.mget('2', '3'), ['b', 'c'])
    assert.equal(await users.object('ENCODING', '1'), 'embstr')
    assert.deepEqual((await db.keys('*')).sort(), ['user:1', 'user:2', 'user:3', 'user:bytes', 'user:z1', 'user:z2'])
  })

  test('takes it off the names of keys in replies', async () => {
    await db.mset({ 'user:a': 1, 'user:b': 2, 'xuser:c': 3, c: 4 })
    assert.deepEqual((await users.keys('*')).sort(), ['a', 'b'])
    assert.deepEqual(await users.keys('a'), ['a'])
    assert.deepEqual(await collect(users.scanIterator()), ['a', 'b'])
    assert.deepEqual(await collect(users.scanIterator({ match: '[b-z]' })), ['b'])
    await users.rpush('q', 'x', 'y', 'z')
    assert.deepEqual(await users.blpop('none', 'q', 0), ['q', 'x'])
    assert.deepEqual(await users.lmpop(1, 'q', 'LEFT'), ['q', ['y']])
    await users.xadd('s', '1-1', 'f', 'v')
    assert.deepEqual(Object.keys(await users.xread('STREAMS', 's', '0')), ['s'])
    const bytes = await users.bytes.blpop('q', 0)
    assert.deepEqual(bytes, ['q', 'z'].map((text) => new TextEncoder().encode(text)))
  })

  test('waits under its prefix', async () => {
    const popped = users.blpop('q', 0)
    await db.rpush('q', 'not this')
    await db.rpush('user:q', 'this')
    assert.deepEqual(await popped, ['q', 'this'])
  })

  test('a prefix with signs of patterns stands for itself', async () => {
    const odd = db.namespace('a*[b]?\\')
    await odd.set('k', 1)
    await db.set('axx[b]y\\k', 1)
    assert.deepEqual(await odd.keys('*'), ['k'])
    assert.deepEqual(await collect(odd.scanIterator()), ['k'])
  })

  test('sorts by keys of its own', async () => {
    await users.rpush('ids', 1, 2)
    await users.mset({ 'weight:1': 2, 'weight:2': 1, 'name:1': 'one', 'name:2': 'two' })
    assert.deepEqual(await users.sort('ids', 'BY', 'weight:*', 'GET', '#', 'GET', 'name:*'), ['2', 'two', '1', 'one'])
  })

  test('has transactions, pipelines, live queries, and namespaces within', async () => {
    const told = [[], [], []]
    const queries = ['k', { pattern: '*' }, (read) => read.get('k')]
    const stops = queries.map((query, i) => users.live(query, (value) => told[i].push(value)))
    await turn()
    assert.deepEqual(await users.multi().set('k', 1).get('k').keys('*').exec(), ['OK', '1', ['k']])
    await turn()
    assert.deepEqual(await users.pipeline().incr('k').exec(), [2])
    await turn()
    stops.forEach((stop) => stop())
    assert.deepEqual(told, [[null, '1', '2'], [[], ['k']], [null, '1', '2']])
    await users.namespace('1:').set('name', 'Ann')
    assert.equal(await db.get('user:1:name'), 'Ann')
  })

  test('refuses what is about all keys, and lets pass what has none', async () => {
    for (const name of ['flushall', 'flushdb', 'dbsize', 'randomkey']) {
      await assert.rejects(users[name](), { name: 'ReplyError', message: `ERR '${name}' is about all keys, not only those of the namespace 'user:'` })
    }
    assert.throws(() => users.sync.dbsize(), ReplyError)
    assert.equal(await users.echo('hello'), 'hello')
    assert.equal(await users.publish('channel', 'message'), 0)
    await assert.rejects(users.call('NOSUCH', 'x'), /unknown command/)
  })
})

describe('another database', () => {
  test('has the same commands and data of its own', async () => {
    const [three, zero] = [db.select(3), db]
    await three.set('k', 'three')
    await zero.set('k', 'zero')
    assert.deepEqual([three.sync.get('k'), zero.sync.get('k'), db.select(3).sync.get('k')], ['three', 'zero', 'three'])
    const told = []
    const stop = three.live('k', (value) => told.push(value))
    await turn()
    await zero.set('k', 'not told')
    await turn()
    await three.set('k', 'told')
    await turn()
    stop()
    assert.deepEqual(told, ['three', 'told'])
    assert.equal(await three.namespace('a:').select(4).get('k'), null)
    await three.namespace('a:').select(4).set('k', 1)
    assert.equal(await db.select(4).get('a:k'), '1')
  })

  test('has one session, however often it is asked for; what is none is refused', () => {
    db.select(5)
    const { sessions } = db.status()
    for (let i = 0; i < 10; i++) db.select(5)
    assert.throws(() => db.select(99), /out of range/)
    assert.equal(db.status().sessions, sessions)
  })
})

describe('iterators', () => {
  test('give all keys, fields and members', async () => {
    const numbers = Array.from({ length: 2000 }, (_, i) => String(i))
    await db.hset('h', ...numbers.flatMap((n) => [n, `v${n}`]))
    await db.sadd('s', ...numbers.map((n) => `m${n}`))
    await db.zadd('z', ...numbers.flatMap((n) => [n, `m${n}`]))
    await db.pipeline().set('k1', 1).set('k2', 2).exec()
    assert.deepEqual(await collect(db.scanIterator()), ['h', 'k1', 'k2', 's', 'z'])
    assert.deepEqual(await collect(db.scanIterator({ match: 'k*', count: 100 })), ['k1', 'k2'])
    assert.deepEqual(await collect(db.scanIterator({ type: 'hash' })), ['h'])
    assert.deepEqual(Object.fromEntries(await collect(db.hscanIterator('h', { count: 50 }))), Object.fromEntries(numbers.map((n) => [n, `v${n}`])))
    assert.equal((await collect(db.sscanIterator('s', { match: 'm1*' }))).length, 1111)
    const scores = await collect(db.zscanIterator('z'))
    assert.equal(scores.length, 2000)
    for (const [member, score] of scores) assert.equal(member, `m${score}`)
  })
})

describe('a signal', () => {
  test('ends a wait: the promise is rejected with its reason, and nothing is taken', async () => {
    const stop = new AbortController()
    const before = db.status().sessions
    const popped = db.blpop('q', 0, { signal: stop.signal })
    const called = db.call('BRPOP', 'q', 0, { signal: stop.signal })
    const reason = new Error('enough')
    stop.abort(reason)
    for (const promise of [popped, called]) await assert.rejects(promise, reason)
    assert.equal(db.status().sessions, before)
    await db.rpush('q', 'kept')
    assert.deepEqual(await db.lrange('q', 0, -1), ['kept'])
  })

  test('that has ended keeps it from beginning, and one that ends later does nothing', async () => {
    await assert.rejects(db.blpop('q', 0, { signal: AbortSignal.abort() }), { name: 'AbortError' })
    const stop = new AbortController()
    await db.rpush('q', 'a')
    assert.deepEqual(await db.blpop('q', 0, { signal: stop.signal }), ['q', 'a'])
    const later = db.blmove('q', 'p', 'LEFT', 'RIGHT', 0, { signal: stop.signal })
    await db.rpush('q', 'b')
    assert.equal(await later, 'b')
    stop.abort()
    const another = new AbortController()
    setTimeout(() => another.abort(), 10)
    await assert.rejects(db.xread('BLOCK', 0, 'STREAMS', 's', '$', { signal: another.signal }), { name: 'AbortError' })
  })
})

test('INFO is an object: sections of names', async () => {
  await db.set('k', 'v', 'EX', 100)
  const info = await db.info()
  assert.equal(info.server.redis_mode, 'standalone')
  assert.equal(typeof info.memory.used_memory, 'number')
  assert.deepEqual([info.keyspace.db0.keys, info.keyspace.db0.expires], [1, 1])
  assert.deepEqual(Object.keys(await db.info('clients')), ['clients'])
  assert.match(await db.call('INFO', 'clients'), /^# Clients\r\n/)
})
