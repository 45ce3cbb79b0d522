// What clients do with each family beyond the core, against `tabdis-server` on a port: streams with waiting groups, invalidations,
// users, MONITOR, geo, HyperLogLog, JSON, vector sets. A family that the server was built without is skipped.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import Redis from 'ioredis'
import { createClient } from 'redis'
import { startServer } from './server.mjs'

let server, known
const open = []

before(async () => {
  server = await startServer()
  const admin = ioredis()
  known = new Set((await admin.command('LIST')).map((name) => name.toUpperCase()))
})

after(async () => {
  for (const client of open) client.disconnect?.()
  await server.stop()
})

function ioredis(options) {
  const client = new Redis(server.port, options)
  // A user who is deleted is disconnected, and cannot come back.
  client.on('error', () => {})
  open.push(client)
  return client
}

async function nodeRedis(options) {
  const client = createClient({ url: `redis://127.0.0.1:${server.port}`, ...options })
  client.on('error', () => {})
  await client.connect()
  open.push({ disconnect: () => client.isOpen && client.destroy() })
  return client
}

/** A test on an empty server that has `command`. */
function family(command, title, body) {
  test(title, async (t) => {
    if (!known.has(command)) return t.skip(`${command} is not in this build`)
    const redis = ioredis()
    await redis.flushall()
    await body(redis, t)
    redis.disconnect()
  })
}

/** Waits until `ask` gives what is true. */
async function until(ask) {
  for (let n = 0; n < 500; n++) {
    const got = await ask()
    if (got) return got
    await new Promise((done) => setTimeout(done, 10))
  }
  assert.fail(`it never came: ${ask}`)
}

const blocked = async (redis) => Number(/blocked_clients:(\d+)/.exec(await redis.info('clients'))[1])

family('XADD', 'ioredis: a stream is read while it grows', async (redis) => {
  const reader = ioredis()
  const first = reader.xread('BLOCK', 0, 'STREAMS', 'news', '$')
  await until(() => blocked(redis))
  const id = await redis.xadd('news', '*', 'title', 'hello')
  assert.deepEqual(await first, [['news', [[id, ['title', 'hello']]]]])
  await redis.xadd('news', 'MAXLEN', '=', 1, '*', 'title', 'again')
  assert.equal(await redis.xlen('news'), 1)
})

family('XREADGROUP', 'ioredis: workers of a group share the work, wait for it, and take over what another left', async (redis) => {
  await redis.xgroup('CREATE', 'jobs', 'workers', '$', 'MKSTREAM')
  const [a, b] = [ioredis(), ioredis()]
  const take = (client, name) => client.xreadgroup('GROUP', 'workers', name, 'COUNT', 1, 'BLOCK', 5000, 'STREAMS', 'jobs', '>')
  const both = [take(a, 'a'), take(b, 'b')]
  await until(async () => (await blocked(redis)) === 2)
  const ids = [await redis.xadd('jobs', '*', 'n', 1), await redis.xadd('jobs', '*', 'n', 2)]
  const taken = (await Promise.all(both)).map(([[, [[id]]]]) => id)
  assert.deepEqual(taken.sort(), ids.sort())
  assert.equal(await redis.xack('jobs', 'workers', ids[0]), 1)
  const [, entries] = await redis.xautoclaim('jobs', 'workers', 'c', 0, '0')
  assert.deepEqual(entries, [[ids[1], ['n', '2']]])
  const [[, consumer]] = await redis.xpending('jobs', 'workers', '-', '+', 10)
  assert.equal(consumer, 'c')
  const refused = assert.rejects(take(a, 'a'), /NOGROUP|UNBLOCKED/)
  await until(() => blocked(redis))
  await redis.del('jobs')
  await refused
})

for (const RESP of [2, 3]) {
  family('XREADGROUP', `node-redis with RESP${RESP}: streams and groups in the client's own shapes`, async () => {
    const client = await nodeRedis({ RESP })
    await client.xGroupCreate('s', 'g', '0', { MKSTREAM: true })
    const id = await client.xAdd('s', '*', { field: 'value' })
    const reply = await client.xReadGroup('g', 'me', { key: 's', id: '>' })
    const [message] = RESP === 2 ? reply[0].messages : Array.isArray(reply) ? reply[0].messages : Object.values(reply)[0]
    assert.ok(JSON.stringify(message).includes('value'), JSON.stringify(reply))
    const pending = await client.xPending('s', 'g')
    assert.equal(pending.pending, 1)
    assert.equal(pending.firstId, id)
    const [group] = await client.xInfoGroups('s')
    assert.equal(group.name, 'g')
    const info = await client.xInfoStream('s')
    assert.equal(info.length, 1)
    await client.close()
  })
}

test('node-redis with RESP3: what a client keeps is invalidated when another changes it', async (t) => {
  if (!known.has('CLIENT|TRACKING')) return t.skip('CLIENT TRACKING is not in this build')
  const { BasicClientSideCache } = await import('redis')
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: 'LRU' })
  const client = await nodeRedis({ RESP: 3, clientSideCache: cache })
  const other = await nodeRedis()
  await other.flushAll()
  await other.set('k', 'old')
  assert.equal(await client.get('k'), 'old')
  assert.equal(await client.get('k'), 'old')
  assert.equal(cache.stats().hitCount, 1)
  await other.set('k', 'new')
  await until(async () => (await client.get('k')) === 'new')
  await other.flushAll()
  await until(async () => (await client.get('k')) === null)
})

family('CLIENT|TRACKING', 'ioredis: invalidations are redirected to a subscriber', async (redis) => {
  const listener = ioredis()
  await listener.subscribe('__redis__:invalidate')
  const seen = []
  listener.on('message', (channel, keys) => seen.push(keys))
  await redis.client('TRACKING', 'ON', 'REDIRECT', await idOf(listener, redis), 'BCAST', 'PREFIX', 'user:')
  await ioredis().mset('user:1', 'a', 'other', 'b')
  await until(() => seen.length)
  assert.deepEqual(seen.flat(), ['user:1'])
})

/** The number of a client that is subscribed, and cannot say it in RESP2. */
async function idOf(listener, redis) {
  const port = listener.stream.localPort
  const line = (await redis.client('LIST')).split('\n').find((line) => line.includes(`addr=127.0.0.1:${port} `))
  return /^id=(\d+)/.exec(line)[1]
}

family('ACL|SETUSER', 'ioredis and node-redis: users may do only what they are allowed', async (redis) => {
  await redis.acl('SETUSER', 'reader', 'on', '>secret', '~cache:*', '+@read', '+@connection', '+info')
  await redis.set('cache:1', 'v')
  const reader = ioredis({ username: 'reader', password: 'secret' })
  assert.equal(await reader.get('cache:1'), 'v')
  await assert.rejects(reader.set('cache:1', 'w'), /NOPERM/)
  await assert.rejects(reader.get('private'), /NOPERM/)
  assert.equal(await reader.acl('WHOAMI').catch((error) => error.message.slice(0, 6)), 'NOPERM')
  const url = `redis://reader:wrong@127.0.0.1:${server.port}`
  await assert.rejects(nodeRedis({ url, socket: { reconnectStrategy: false } }), /WRONGPASS/)
  const log = await redis.acl('LOG')
  assert.ok(log.length >= 3, JSON.stringify(log))
  await redis.acl('DELUSER', 'reader')
  await until(() => reader.status !== 'ready')
})

family('MONITOR', 'ioredis: a monitor sees what others send', async () => {
  // Otherwise it tells its name while it begins to listen, and stumbles over seeing that.
  const monitor = await ioredis({ disableClientInfo: true }).monitor()
  const seen = once(monitor, 'monitor')
  await ioredis().set('watched', 'value')
  const [time, args, source] = await seen
  assert.match(time, /^\d+\.\d{6}$/)
  assert.match(source, /^127\.0\.0\.1:\d+$/)
  assert.ok(args.length > 0)
  monitor.disconnect()
})

family('SLOWLOG|GET', 'node-redis: the slow log, latencies and the memory of a key', async (redis) => {
  const client = await nodeRedis()
  await client.configSet('slowlog-log-slower-than', '0')
  await client.set('k', 'v')
  const [entry] = await redis.slowlog('GET', 1)
  assert.ok(entry.length >= 4)
  await client.configSet('slowlog-log-slower-than', '10000')
  assert.ok((await client.memoryUsage('k')) > 0)
  assert.ok(Array.isArray(await client.latencyHistory('command')))
  await client.close()
})

family('GEOADD', 'node-redis: places, distances and what is near', async () => {
  const client = await nodeRedis()
  await client.geoAdd('Sicily', [
    { longitude: 13.361389, latitude: 38.115556, member: 'Palermo' },
    { longitude: 15.087269, latitude: 37.502669, member: 'Catania' },
  ])
  assert.equal(await client.geoDist('Sicily', 'Palermo', 'Catania', 'km'), 166.2742)
  assert.deepEqual(await client.geoSearch('Sicily', { longitude: 15, latitude: 37 }, { radius: 100, unit: 'km' }), ['Catania'])
  const [near] = await client.geoSearchWith('Sicily', { longitude: 15, latitude: 37 }, { radius: 100, unit: 'km' }, ['WITHDIST', 'WITHCOORD'])
  assert.equal(near.distance, '56.4413')
  assert.deepEqual(await client.geoHash('Sicily', ['Palermo']), ['sqc8b49rny0'])
  await client.close()
})

family('PFADD', 'ioredis: HyperLogLogs count and merge', async (redis) => {
  for (let n = 0; n < 20; n++) await redis.pfadd('a', ...Array.from({ length: 100 }, (_, m) => `v${n * 100 + m}`))
  await redis.pfadd('b', 'x', 'y')
  const count = await redis.pfcount('a')
  assert.ok(Math.abs(count - 2000) < 60, String(count))
  await redis.pfmerge('all', 'a', 'b')
  assert.ok((await redis.pfcount('all')) > count)
  const copy = await redis.getBuffer('all')
  await redis.set('copy', copy)
  assert.equal(await redis.pfcount('copy'), await redis.pfcount('all'))
})

family('BITFIELD', 'ioredis: bits and fields of bits', async (redis) => {
  await redis.setbit('b', 7, 1)
  assert.equal(await redis.bitcount('b'), 1)
  assert.deepEqual(await redis.bitfield('b', 'INCRBY', 'u8', 0, 254, 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', 0, 1), [255, null])
  await redis.bitop('NOT', 'not', 'b')
  assert.equal(await redis.bitpos('not', 1), -1)
})

family('DUMP', 'ioredis: a value moves as bytes', async (redis) => {
  await redis.zadd('z', 1, 'a', 2, 'b')
  const bytes = await redis.dumpBuffer('z')
  assert.equal(await redis.restore('copy', 0, bytes), 'OK')
  assert.deepEqual(await redis.zrange('copy', 0, -1, 'WITHSCORES'), ['a', '1', 'b', '2'])
  bytes[0] ^= 1
  await assert.rejects(redis.restore('bad', 0, bytes), /DUMP payload version or checksum are wrong/)
})

family('JSON.SET', 'node-redis: documents, and ioredis by call', async (redis) => {
  const client = await nodeRedis()
  await client.json.set('user', '$', { name: 'Ada', tags: ['a'], visits: 1 })
  assert.deepEqual(await client.json.get('user'), { name: 'Ada', tags: ['a'], visits: 1 })
  assert.deepEqual(await client.json.numIncrBy('user', '$.visits', 2), [3])
  await client.json.arrAppend('user', '$.tags', 'b')
  assert.equal(await redis.call('JSON.GET', 'user', '$.tags'), '[["a","b"]]')
  assert.equal(await redis.call('JSON.TYPE', 'user', '.name'), 'string')
  await client.close()
})

family('VADD', 'ioredis by call: the nearest vectors', async (redis) => {
  const vectors = { east: [1, 0], north: [0, 1], northeast: [0.7, 0.7] }
  for (const [name, [x, y]] of Object.entries(vectors)) await redis.call('VADD', 'v', 'VALUES', 2, x, y, name)
  assert.deepEqual(await redis.call('VSIM', 'v', 'VALUES', 2, 0.9, 0.1, 'COUNT', 2), ['east', 'northeast'])
  assert.equal(await redis.call('VCARD', 'v'), 3)
})
