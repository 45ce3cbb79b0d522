// The client's promises, in Node: values, text, errors, units, messages, waiting, endings.

import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { root } from '../tools/process.mjs'

const { EngineDead, MultiError, ReplyError, open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')).href)

const db = await open()
const has = (name) => db.commands.some((command) => command.name === name)
after(() => db.close())

describe('opening', () => {
  test('a name that is missing, empty or no string is refused', async () => {
    for (const name of ['', undefined, null, 7, true]) await assert.rejects(open(name), TypeError)
  })

  test('each database has a world of its own', async () => {
    const [a, b] = await Promise.all([open(), open()])
    await a.set('k', 'a')
    assert.equal(await b.get('k'), null)
    await a.close()
    assert.equal(await b.set('k', 'b'), 'OK')
    await b.close()
  })

  test('a closed database says so, and closing it again does nothing', async () => {
    const closed = await open()
    await closed.close()
    await closed.close()
    await assert.rejects(closed.get('k'), EngineDead)
    assert.throws(() => closed.sync.get('k'), EngineDead)
  })

  test('what is not the engine is refused with a way out', async () => {
    await assert.rejects(open({ wasm: new Uint8Array([0x3c, 0x21]) }))
  })

  test('a database is disposable', () => {
    assert.equal(typeof db[Symbol.asyncDispose], 'function')
  })
})

describe('values', () => {
  const texts = ['', 'a', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(100_000), 'ü', '\0\n"\\', 'é'.repeat(40), '€', '😀'.repeat(50_000)]
  for (const bom of ['\ufeff', 'a\ufeff', '\ufeff'.repeat(50)]) texts.push(bom)

  test('every text comes back as it went', async () => {
    for (const text of texts) {
      await db.set('t', text)
      assert.equal(await db.get('t'), text)
      assert.equal(db.sync.get('t'), text)
    }
  })

  test('every code point comes back as it went', async () => {
    for (let start = 0; start < 0x11_0000; start += 0x1000) {
      if (start === 0xd000) continue
      const text = String.fromCodePoint(...Array.from({ length: 0x1000 }, (_, i) => start + i))
      await db.set('t', text)
      assert.equal(await db.get('t'), text)
    }
    for (const edge of [0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x1_0000, 0x10_ffff]) {
      const text = String.fromCodePoint(edge)
      assert.equal(db.sync.set(text, text) && db.sync.get(text), text)
    }
  })

  test('half a surrogate pair becomes U+FFFD, as TextEncoder has it', async () => {
    await db.set('t', 'a\ud800b')
    assert.equal(await db.get('t'), 'a\ufffdb')
  })

  test('lengths are in bytes', () => {
    db.sync.set('t', 'é')
    assert.equal(db.sync.strlen('t'), 2)
  })

  test('bytes are stored as they are, and come back in bytes', async () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    for (const value of [all, all.buffer, new Uint8Array(0), new Uint8Array(200_000).fill(255)]) {
      await db.set('b', value)
      assert.deepEqual(await db.bytes.get('b'), value instanceof ArrayBuffer ? all : value)
    }
    await db.set('b', new DataView(all.buffer, 3, 2))
    assert.deepEqual(await db.bytes.get('b'), Uint8Array.of(3, 4))
  })

  test('bytes that were returned are the caller’s', async () => {
    await db.set('b', 'abc')
    const bytes = await db.bytes.get('b')
    await db.set('b', 'xyz')
    assert.deepEqual(bytes, new TextEncoder().encode('abc'))
    assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype)
  })

  test('integers are numbers as long as those are exact, then bigints', () => {
    for (const n of [0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1]) {
      db.sync.set('n', n - 1)
      assert.equal(db.sync.incr('n'), n)
    }
    for (const n of [2n ** 53n, 2n ** 63n - 1n, -(2n ** 53n), -(2n ** 63n)]) {
      db.sync.set('n', n > 0 ? n - 1n : n + 1n)
      assert.equal(n > 0 ? db.sync.incr('n') : db.sync.decr('n'), n)
    }
  })

  test('a number is stored as its text', () => {
    for (const [n, text] of [[1.5, '1.5'], [-0, '0'], [1e21, '1e+21'], [Infinity, 'inf'], [NaN, 'NaN']]) {
      db.sync.set('n', n)
      assert.equal(db.sync.get('n'), text)
    }
    assert.throws(() => db.sync.incrby('x', NaN), ReplyError)
  })

  test('what Redis cannot store is a TypeError that names the argument', async () => {
    for (const value of [null, undefined, true, () => 1, Symbol('s'), new Date(0), new Map()]) {
      await assert.rejects(db.set('k', value), /^TypeError: argument 2 of set is/)
      assert.throws(() => db.sync.set('k', value), /^TypeError: argument 2 of set is/)
    }
  })

  test('doubles, maps, sets and nulls come as such', () => {
    db.sync.del('h', 's', 'z')
    db.sync.hset('h', { f: 'v', __proto__x: 1 })
    db.sync.hset('h', '__proto__', 'safe')
    const hash = db.sync.hgetall('h')
    assert.deepEqual({ ...hash, ['__proto__']: undefined }.f, 'v')
    assert.equal(Object.getOwnPropertyDescriptor(hash, '__proto__').value, 'safe')
    db.sync.sadd('s', 'a')
    assert.deepEqual(db.sync.smembers('s'), ['a'])
    db.sync.zadd('z', 1.5, 'a', Infinity, 'b')
    assert.equal(db.sync.zscore('z', 'a'), 1.5)
    assert.equal(db.sync.zscore('z', 'b'), Infinity)
    assert.equal(db.sync.zscore('z', 'c'), null)
  })
})

describe('arguments', () => {
  test('options are objects or words', async () => {
    await db.set('k', 'v', 'EX', 60)
    assert.equal(await db.ttl('k'), 60)
    assert.equal(await db.set('k', 'w', { NX: true }), null)
    assert.equal(await db.set('k', 'w', { EX: 100, XX: true, NX: false, GET: undefined }), 'OK')
    assert.equal(await db.ttl('k'), 100)
    assert.equal(await db.set('k', 'v', 'ex', 10), 'OK')
    assert.equal(await db.ttl('k'), 10)
  })

  test('lists are spread', () => {
    db.sync.mset({ a: 1, b: 2 })
    assert.deepEqual(db.sync.mget(['a', 'b', 'c']), ['1', '2', null])
    db.sync.zadd('z2', 1, 'a', 2, 'b', 3, 'c')
    assert.deepEqual(db.sync.zrange('z2', 0, '+inf', { BYSCORE: true, LIMIT: [1, 1] }), ['b'])
  })

  test('fields are data: nothing of them is left out', () => {
    assert.throws(() => db.sync.hset('h', { f: undefined }), /f in argument 2 of hset is undefined/)
    assert.throws(() => db.sync.hset('h', { f: true }), TypeError)
  })

  test('any command runs by its name', async () => {
    assert.equal(await db.call('SET', 'k', 'v'), 'OK')
    assert.equal(await db.call('get', 'k'), 'v')
    assert.equal(db.sync.call('Object', 'ENCODING', 'k'), 'embstr')
    await assert.rejects(db.call('nosuch', 'k'), /unknown command 'nosuch', with args beginning with: 'k'/)
    await assert.rejects(db.call('GET'), /wrong number of arguments for 'get' command/)
  })

  test('thousands of them cross at once', () => {
    const members = Array.from({ length: 20_000 }, (_, i) => `m${i}`)
    assert.equal(db.sync.sadd('many', ...members), 20_000)
    assert.equal(db.sync.smembers('many').length, 20_000)
  })

  test('every command is described', () => {
    const get = db.commands.find((command) => command.name === 'get')
    assert.equal(get.group, 'string')
    assert.ok(get.flags.includes('readonly'))
    // `db.sync` is the synchronous twin; what followers send is `db.call('SYNC')`.
    const methods = db.commands.filter(({ name }) => !name.includes(' ') && name !== 'sync')
    for (const { name } of methods) assert.equal(typeof db[name], 'function', name)
  })
})

describe('errors', () => {
  test('are ReplyErrors with their code', async () => {
    await db.set('k', 'v')
    const error = await db.incr('k').catch((error) => error)
    assert.ok(error instanceof ReplyError && error instanceof Error)
    assert.deepEqual([error.name, error.code, error.message], ['ReplyError', 'ERR', 'ERR value is not an integer or out of range'])
    assert.equal((await db.lpush('k', 'x').catch((error) => error)).code, 'WRONGTYPE')
    assert.throws(() => db.sync.lpush('k', 'x'), { code: 'WRONGTYPE' })
  })

  test('what would change how the connection speaks is refused', async () => {
    for (const args of [['HELLO', '2'], ['SUBSCRIBE', 'c'], ['QUIT'], ['CLIENT', 'REPLY', 'OFF'], ['RESET']]) {
      await assert.rejects(db.call(...args), /session\(\)/)
    }
    assert.equal(await db.get('missing'), null)
  })
})

describe('units', () => {
  test('a transaction answers with all replies', async () => {
    await db.del('t1', 't2')
    assert.deepEqual(await db.multi().set('t1', 1).incr('t1').call('GET', 't1').lpush('t2', 'a', 'b').exec(), ['OK', 2, '2', 2])
    assert.deepEqual(await db.multi().exec(), [])
  })

  test('a transaction that could not be queued has not run', async () => {
    await db.set('t1', 1)
    const error = await db.multi().incr('t1').call('INCR').exec().catch((error) => error)
    assert.equal(error.code, 'EXECABORT')
    assert.match(error.cause.message, /wrong number of arguments/)
    assert.equal(await db.get('t1'), '1')
    assert.equal(await db.multi().incr('t1').exec().then((replies) => replies[0]), 2)
  })

  test('a command that fails inside leaves the others done', async () => {
    await db.set('t1', 'text')
    const error = await db.multi().incr('t1').set('t2', 'done').exec().catch((error) => error)
    assert.ok(error instanceof MultiError)
    assert.ok(error.replies[0] instanceof ReplyError)
    assert.equal(error.replies[1], 'OK')
    assert.equal(await db.get('t2'), 'done')
  })

  test('a pipeline goes on after an error', async () => {
    const error = await db.pipeline().set('p', 1).lpush('p', 1).incr('p').exec().catch((error) => error)
    assert.deepEqual([error.replies[0], error.replies[1].code, error.replies[2]], ['OK', 'WRONGTYPE', 2])
    assert.deepEqual(await db.pipeline().get('p').exec(), ['2'])
  })

  test('ten thousand commands cross at once', async () => {
    const pipeline = db.pipeline()
    for (let i = 0; i < 10_000; i++) pipeline.set(`p${i}`, `ü${i}`)
    assert.equal(pipeline.length, 10_000)
    await pipeline.exec()
    assert.equal(await db.get('p9999'), 'ü9999')
  })

  test('nothing in a unit waits', async () => {
    assert.deepEqual(await db.multi().blpop('nothing', 0).set('x', 1).exec(), [null, 'OK'])
    assert.deepEqual(await db.pipeline().blpop('nothing', 0).set('x', 1).exec(), [null, 'OK'])
  })

  test('a watched key that changed ends the transaction', async () => {
    const session = db.session()
    await session.watch('w')
    await db.set('w', 'changed')
    assert.equal(await session.multi().set('w', 'mine').exec(), null)
    assert.deepEqual(await session.multi().set('w', 'mine').get('w').exec(), ['OK', 'mine'])
    session.close()
  })
})

describe('messages', () => {
  test('reach a loop', async () => {
    const subscription = db.subscribe(['news', 'sport'])
    assert.equal(await db.publish('news', 'héllo'), 1)
    db.sync.publish('sport', '1:0')
    const got = []
    for await (const message of subscription) {
      got.push(message)
      if (got.length === 2) break
    }
    assert.deepEqual(got, [
      { channel: 'news', message: 'héllo' },
      { channel: 'sport', message: '1:0' },
    ])
    assert.equal(await db.publish('news', 'nobody'), 0)
  })

  test('reach a callback, with their pattern', async () => {
    const got = []
    const subscription = db.psubscribe('n*', (...message) => got.push(message))
    await db.publish('news', 'a')
    await db.publish('other', 'b')
    await turn()
    subscription.close()
    await db.publish('news', 'c')
    await turn()
    assert.deepEqual(got, [['a', 'news', 'n*']])
  })

  test('a loop that waits ends when the subscription is closed', async () => {
    const subscription = db.subscribe('quiet')
    setTimeout(() => subscription.close(), 5)
    for await (const message of subscription) assert.fail(message)
  })

  test('a callback may run commands', async () => {
    const done = new Promise((resolve) => db.subscribe('c', (message) => resolve(db.sync.set('from callback', message))))
    db.sync.publish('c', 'x')
    assert.equal(await done, 'OK')
  })

  test('a change is told once a turn', async () => {
    let changes = 0
    const off = db.on('change', () => changes++)
    db.sync.set('c', 1)
    db.sync.set('c', 2)
    assert.equal(changes, 0)
    await turn()
    assert.equal(changes, 1)
    db.sync.get('c')
    await turn()
    assert.equal(changes, 1)
    off()
  })
})

describe('waiting', () => {
  test('a command that waits keeps nobody else from running', async () => {
    const popped = db.blpop('q', 0)
    assert.equal(await db.rpush('q', 'job'), 1)
    assert.deepEqual(await popped, ['q', 'job'])
  })

  test('those who wait are served in their order', async () => {
    const popped = [1, 2, 3].map(() => db.blpop('q', 0))
    await db.rpush('q', 'a', 'b', 'c')
    assert.deepEqual((await Promise.all(popped)).map(([, job]) => job), ['a', 'b', 'c'])
  })

  test('time runs out', async () => {
    const start = Date.now()
    assert.equal(await db.blpop('q', 0.05), null)
    assert.ok(Date.now() - start >= 45)
  })

  test('the synchronous twin answers at once', () => {
    assert.equal(db.sync.blpop('q', 0), null)
    db.sync.rpush('q', 'job')
    assert.deepEqual(db.sync.blpop('q', 0), ['q', 'job'])
  })

  test('it waits in the database that is selected', async () => {
    const other = await open()
    other.sync.select(3)
    const popped = other.blpop('q', 1)
    other.sync.rpush('q', 'job')
    assert.deepEqual(await popped, ['q', 'job'])
    await other.close()
  })

  test('closing the database ends the wait', async () => {
    const other = await open()
    const popped = other.blpop('q', 0)
    await other.close()
    await assert.rejects(popped, EngineDead)
  })

  test('keys expire by themselves', async () => {
    const other = await open()
    // The engine's timer alone does not keep Node running.
    const alive = setTimeout(() => {}, 5_000)
    const gone = new Promise((resolve) => other.psubscribe('__keyevent@0__:expired', resolve))
    other.sync.config('SET', 'notify-keyspace-events', 'Ex')
    other.sync.set('k', 'v', 'PX', 20)
    assert.equal(await gone, 'k')
    clearTimeout(alive)
    assert.equal(other.status().keys, 0)
    await other.close()
  })
})

describe('sessions', () => {
  test('answer with typed replies', async () => {
    const session = db.session()
    await db.set('k', 'v')
    assert.deepEqual(await session.raw(['GET', 'k']), { type: 'bulk', value: 'v' })
    assert.deepEqual(await session.raw(['GET', 'missing']), { type: 'null', value: null })
    assert.deepEqual(await session.raw(['BLPOP', 'missing', '0.01']), { type: 'nullarray', value: null })
    assert.deepEqual(await session.raw(['SET', 'k', Uint8Array.of(255)]), { type: 'simple', value: 'OK' })
    assert.deepEqual(await session.raw(['GET', 'k']), { type: 'bulk', value: Uint8Array.of(255) })
    assert.equal((await session.raw(['INCR', 'k'])).type, 'error')
    session.close()
  })

  test('speak RESP3 after HELLO 3', async () => {
    const session = db.session()
    await db.del('h')
    await db.hset('h', 'f', 'v')
    const pair = [{ type: 'bulk', value: 'f' }, { type: 'bulk', value: 'v' }]
    assert.deepEqual(await session.raw(['HGETALL', 'h']), { type: 'array', value: pair })
    assert.equal((await session.raw(['HELLO', '3'])).type, 'map')
    assert.deepEqual(await session.raw(['HGETALL', 'h']), { type: 'map', value: [pair] })
    session.close()
  })

  test('have methods that answer alike, whatever they speak', async () => {
    const session = db.session()
    assert.deepEqual({ ...(await session.hgetall('h')) }, { f: 'v' })
    const popped = session.bzpopmin('zq', 0)
    await db.zadd('zq', 2.5, 'm')
    assert.deepEqual(await popped, ['zq', 'm', 2.5])
    session.close()
  })

  test('select their own database', async () => {
    const session = db.session()
    await session.select(5)
    await session.set('only here', 1)
    assert.equal(await db.exists('only here'), 0)
    session.close()
  })

  test('get messages in their order, after the reply', async () => {
    const session = db.session({ resp: 3 })
    const seen = []
    session.onpush = (push) => seen.push(push.value.map((part) => part.value))
    const reply = await session.raw(['SUBSCRIBE', 'a', 'b'])
    seen.push('reply')
    assert.deepEqual(reply.value.map((part) => part.value), ['subscribe', 'a', 1])
    await db.publish('a', 'x')
    await turn()
    await turn()
    assert.deepEqual(seen, ['reply', ['subscribe', 'b', 2], ['message', 'a', 'x']])
    session.close()
  })

  test('answer in order: what comes after a wait waits too', async () => {
    const session = db.session()
    const popped = session.raw(['BLPOP', 'sq', '0'])
    const after = session.raw(['PING'])
    await db.rpush('sq', 'job')
    assert.equal((await popped).type, 'array')
    assert.deepEqual(await after, { type: 'simple', value: 'PONG' })
    session.close()
  })

  test('end with QUIT and with CLIENT KILL', async () => {
    const session = db.session()
    const ended = new Promise((resolve) => (session.onclose = resolve))
    assert.deepEqual(await session.raw(['QUIT']), { type: 'simple', value: 'OK' })
    await ended
    await assert.rejects(session.raw(['PING']), EngineDead)
    const victim = db.session()
    const { value } = await victim.raw(['CLIENT', 'ID'])
    const killed = new Promise((resolve) => (victim.onclose = resolve))
    assert.equal(await db.call('CLIENT', 'KILL', 'ID', value), 1)
    await killed
  })

  test('MONITOR tells what others do', { skip: !has('monitor') && 'the engine has no MONITOR yet' }, async () => {
    const session = db.session()
    const line = new Promise((resolve) => (session.onpush = (push) => resolve(push.value)))
    await session.raw(['MONITOR'])
    await db.set('seen', 'by monitor')
    assert.match(await line, /"set" "seen" "by monitor"/i)
    session.close()
  })
})

function turn() {
  return new Promise((resolve) => setTimeout(resolve, 2))
}
