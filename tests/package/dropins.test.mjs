// The drop-ins with the real libraries: what they give on tabdis is what they give on redis-server.

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { after, before, describe, test } from 'node:test'
import IORedis from 'ioredis'
import { createClient } from 'redis'

const { open } = await import('../../pkg/dist/index.js')
const { createServer } = await import('../../pkg/dist/server.js')
const { default: Redis, Cluster, Command, ReplyError, closeAll, connectorOf } = await import('../../pkg/dist/ioredis.js')

let real, folder
const socket = () => join(folder, 'redis.sock')
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabdis-'))
  real = spawn(process.env.REDIS_SERVER ?? 'redis-server', ['--port', '0', '--unixsocket', socket(), '--save', ''], { stdio: ['ignore', 'pipe', 'inherit'] })
  let log = ''
  await new Promise((resolve) => real.stdout.on('data', (data) => (log += data).includes('eady to accept') && resolve()))
})
after(async () => {
  real.kill()
  await once(real, 'exit')
  await rm(folder, { recursive: true, force: true })
  await closeAll()
})

const settled = (promise) => promise.then((value) => value, (error) => `${error.name}: ${error.message}`)

/** What people do with ioredis, and what comes of it. */
const WORK = {
  async 'strings and numbers'(redis) {
    return [
      await redis.set('k', 'v', 'EX', 100), await redis.get('k'), await redis.ttl('k'), await redis.set('k', 'w', 'NX'), await redis.incrby('n', 5),
      await redis.mset({ a: 1, b: 2 }), await redis.mget('a', 'b', 'c'), await redis.strlen('k'), await redis.getBuffer('k'), await redis.append('k', 'é'), await redis.strlen('k'),
      await redis.set(Buffer.from([0, 255, 13, 10]), Buffer.from([255, 0, 10])), await redis.getBuffer(Buffer.from([0, 255, 13, 10])),
    ]
  },
  async 'hashes, lists, sets, sorted sets'(redis) {
    return [
      await redis.hset('h', { f: 'v', g: 2 }), await redis.hgetall('h'), await redis.hincrby('h', 'g', 3), await redis.hgetall('none'),
      await redis.rpush('l', 'a', 'b', 'c'), await redis.lrange('l', 0, -1), await redis.lpop('l', 2), await redis.sadd('s', 'x', 'y'), (await redis.smembers('s')).sort(),
      await redis.zadd('z', 1, 'one', 2, 'two'), await redis.zrange('z', 0, -1, 'WITHSCORES'), await redis.zadd('z', '+inf', 'most'), await redis.zscore('z', 'most'),
      await redis.xadd('stream', '1-1', 'f', 'v'), await redis.xrange('stream', '-', '+'),
    ]
  },
  async 'errors'(redis) {
    await redis.set('text', 'not a number')
    return [
      await settled(redis.incr('text')), await settled(redis.lpush('text', 1)), await settled(redis.hset('text', 'f', 1)), await settled(redis.call('nonsense', 'x')),
      await settled(redis.set('only')), await settled(redis.select(99)),
    ]
  },
  async 'pipelines and transactions'(redis) {
    const text = ([error, value]) => [error && error.message, value]
    return [
      (await redis.pipeline().set('p', 1).incr('p').lpush('p', 'x').get('p').exec()).map(text),
      (await redis.multi().set('m', 1).incr('m').lpush('m', 'x').exec()).map(text),
      await settled(redis.multi().set('only').get('m').exec()),
      await redis.multi({ pipeline: false }), await redis.set('q', 1), await redis.get('q'), (await redis.exec()).map((reply) => text(reply)),
    ]
  },
  async 'watching'(redis) {
    const other = redis.duplicate()
    await redis.watch('w')
    await other.set('w', 'theirs')
    const lost = await redis.multi().set('w', 'mine').exec()
    await redis.watch('w')
    const kept = await redis.multi().set('w', 'mine').exec()
    await other.quit()
    return [lost, kept, await redis.get('w')]
  },
  async 'publish and subscribe'(redis) {
    const listener = redis.duplicate()
    const heard = []
    listener.on('message', (...message) => heard.push(message))
    listener.on('pmessage', (...message) => heard.push(message))
    const counts = [await listener.subscribe('news', 'more'), await listener.psubscribe('n*')]
    counts.push(await redis.publish('news', 'hello'))
    const refused = await settled(listener.get('x'))
    for (let n = 0; heard.length < 2 && n < 100; n++) await new Promise((resolve) => setTimeout(resolve, 10))
    counts.push(await listener.unsubscribe('news'))
    listener.disconnect()
    return [counts, heard.map((message) => message.map(String)), refused]
  },
  async 'waiting'(redis) {
    const other = redis.duplicate()
    const waits = redis.blpop('queue', 5)
    await other.rpush('queue', 'job')
    const got = await waits
    const nothing = await redis.blpop('queue', 0.05)
    await other.quit()
    return [got, nothing]
  },
  async 'scanning'(redis) {
    await redis.mset(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`scan:${i}`, i])))
    const found = []
    for await (const keys of redis.scanStream({ match: 'scan:*', count: 10 })) found.push(...keys)
    return [found.length, new Set(found).size, (await redis.keys('scan:1*')).length]
  },
}

describe('ioredis on tabdis gives what it gives on redis-server', () => {
  for (const [name, work] of Object.entries(WORK)) {
    for (const keyPrefix of ['', 'app:']) {
      test(`${name}${keyPrefix && ', with a prefix'}`, async () => {
        const results = []
        for (const redis of [new IORedis({ path: socket(), keyPrefix }), new Redis({ host: 'compared', keyPrefix })]) {
          await redis.flushall()
          const errors = []
          redis.on('error', (error) => errors.push(error))
          results.push(await work(redis))
          assert.deepEqual(errors, [])
          await redis.quit()
        }
        assert.deepEqual(results[1], results[0])
      })
    }
  }
})

describe('in place of ioredis-mock', () => {
  test('clients of one host and port share their data, others have their own', async () => {
    const [one, two, other] = [new Redis(), new Redis(6379, 'localhost'), new Redis('redis://elsewhere:6379/2')]
    await one.set('shared', 1)
    assert.deepEqual([await two.get('shared'), await other.get('shared')], ['1', null])
    assert.equal(other.options.db, 2)
    await Promise.all([one, two, other].map((redis) => redis.quit()))
  })

  test('data is there from the beginning', async () => {
    const redis = new Redis({ host: 'seeded', data: { text: 'a', list: ['1', '2'], set: new Set(['x']), hash: { f: 'v' }, map: new Map([['g', 'w']]), bytes: Buffer.from([255]) } })
    assert.deepEqual(
      [await redis.get('text'), await redis.lrange('list', 0, -1), await redis.smembers('set'), await redis.hgetall('hash'), await redis.hgetall('map'), await redis.getBuffer('bytes')],
      ['a', ['1', '2'], ['x'], { f: 'v' }, { g: 'w' }, Buffer.from([255])],
    )
    redis.disconnect()
  })

  test('what else a module called ioredis has is there', async () => {
    assert.throws(() => new Cluster(), /no Cluster/)
    assert.equal(typeof Command, 'function')
    const redis = new Redis()
    assert.ok(redis instanceof IORedis)
    await assert.rejects(redis.set('only'), { name: 'ReplyError' })
    assert.equal(typeof ReplyError, 'function')
    const db = await open()
    const own = new IORedis({ Connector: connectorOf(db) })
    await own.set('k', 'v')
    assert.equal(db.sync.get('k'), 'v')
    await Promise.all([redis.quit(), own.quit()])
    await db.close()
  })
})

describe('a database on a port', () => {
  let server
  before(async () => (server = await (await createServer()).listen(0)))
  after(() => server?.close())

  test('serves redis-cli', async () => {
    const cli = async (...args) => (await promisify(execFile)('redis-cli', ['-p', String(server.address().port), ...args])).stdout.trim()
    assert.equal(await cli('SET', 'k', 'v'), 'OK')
    assert.equal(await cli('-3', 'HSET', 'h', 'f', 'v'), '1')
    assert.equal(await cli('-3', '--json', 'HGETALL', 'h'), '{"f":"v"}')
    assert.equal(await cli('INCR', 'k'), 'ERR value is not an integer or out of range')
    assert.equal(server.db.sync.get('k'), 'v')
  })

  test('serves ioredis and node-redis, with bytes and much at once', async () => {
    const [one, two] = [new IORedis(server.url), createClient({ url: server.url, RESP: 3 })]
    await two.connect()
    const big = Buffer.alloc(3_000_000, 'x')
    await one.set('big', big)
    assert.ok(big.equals(await one.getBuffer('big')))
    const replies = await Promise.all(Array.from({ length: 5_000 }, (_, i) => (i % 2 ? one.incr('count') : two.incr('count'))))
    assert.equal(new Set(replies.map(Number)).size, 5_000)
    assert.deepEqual({ ...(await two.hGetAll('h')) }, { f: 'v' })
    await one.quit()
    await two.close()
  })

  test('serves a unix socket, and a database that is open already', async () => {
    const db = await open()
    const path = join(folder, 'tabdis.sock')
    const other = await (await createServer(db)).listen(path)
    const redis = new IORedis({ path })
    await redis.set('k', 'v')
    assert.equal(db.sync.get('k'), 'v')
    redis.disconnect()
    await other.close()
    assert.equal(db.sync.get('k'), 'v', 'it is still open')
    await db.close()
  })

  test('answers what is no command, and ends that connection only', async () => {
    const client = connect(server.address().port)
    client.write('*1\r\n$4\r\nPING\r\nPING inline\r\n*1\r\n$x\r\n')
    let text = ''
    for await (const data of client) text += data
    assert.equal(text, '+PONG\r\n$6\r\ninline\r\n-ERR Protocol error: invalid bulk length\r\n')
    const quits = connect(server.address().port)
    quits.write('QUIT\r\nPING\r\n')
    text = ''
    for await (const data of quits) text += data
    assert.equal(text, '+OK\r\n')
  })

  test('does not pile up replies for who does not read them', async () => {
    server.db.sync.set('large', new Uint8Array(1_000_000).fill(97))
    const client = connect(server.address().port)
    client.pause()
    client.write('*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n'.repeat(300))
    await new Promise((resolve) => setTimeout(resolve, 300))
    const { sockets } = server
    const held = Math.max(...[...sockets].map((socket) => socket.writableLength))
    assert.ok(held < 40_000_000, `${held} bytes wait`)
    let size = 0
    for await (const data of client) if ((size += data.length) >= 300 * 1_000_012) break
    assert.equal(size, 300 * 1_000_012)
    client.destroy()
  })

  test('what is stored strictly is stored before it is answered', async () => {
    const place = await mkdtemp(join(tmpdir(), 'tabdis-'))
    const db = await open(join(place, 'data'), { durability: 'strict' })
    const other = await (await createServer(db)).listen(0)
    const redis = new IORedis(other.url)
    assert.deepEqual((await redis.pipeline().set('k', 'v').get('k').exec()).map(([, value]) => value), ['OK', 'v'])
    assert.equal(db.status().storage.pending, false)
    redis.disconnect()
    await other.close()
    await db.close()
    await rm(place, { recursive: true, force: true })
  })
})
