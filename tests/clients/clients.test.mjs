// The clients people use, unchanged, against `tabdis-server` on a port.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import Redis from 'ioredis'
import { createClient } from 'redis'
import { startServer } from './server.mjs'

let port, server

before(async () => {
  server = await startServer()
  port = server.port
})

after(() => server.stop())

test('ioredis: commands, pipelines, transactions, streams of keys, subscriptions, waiting', async () => {
  const redis = new Redis(port)
  await redis.flushall()
  assert.equal(await redis.set('k', 'v', 'EX', 100), 'OK')
  assert.equal(await redis.get('k'), 'v')
  assert.deepEqual(await redis.getBuffer('k'), Buffer.from('v'))
  await redis.hset('h', { a: 1, b: 2 })
  assert.deepEqual(await redis.hgetall('h'), { a: '1', b: '2' })
  assert.deepEqual(await redis.pipeline().incr('n').incr('n').lpush('n', 'x').exec().then((all) => all.map(([e, v]) => e?.message ?? v)), [
    1, 2, 'WRONGTYPE Operation against a key holding the wrong kind of value',
  ])
  assert.deepEqual(await redis.multi().set('a', '1').get('a').exec(), [[null, 'OK'], [null, '1']])
  const keys = []
  for await (const some of redis.scanStream({ match: '*' })) keys.push(...some)
  assert.deepEqual(keys.sort(), ['a', 'h', 'k', 'n'])
  const subscriber = redis.duplicate()
  await subscriber.subscribe('news')
  const message = once(subscriber, 'message')
  await redis.publish('news', 'hello')
  assert.deepEqual(await message, ['news', 'hello'])
  const worker = redis.duplicate()
  const job = worker.blpop('queue', 0)
  await redis.rpush('queue', 'job')
  assert.deepEqual(await job, ['queue', 'job'])
  for (const client of [subscriber, worker, redis]) client.disconnect()
})

for (const RESP of [2, 3]) {
  test(`node-redis with RESP${RESP}: commands, transactions, subscriptions, scanning`, async () => {
    const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP })
    await client.connect()
    await client.flushAll()
    await client.set('k', 'v', { expiration: { type: 'EX', value: 10 } })
    assert.equal(await client.get('k'), 'v')
    assert.ok((await client.ttl('k')) > 0)
    await client.hSet('h', { a: '1' })
    assert.deepEqual({ ...(await client.hGetAll('h')) }, { a: '1' })
    await client.zAdd('z', [{ score: 1.5, value: 'm' }])
    assert.equal(await client.zScore('z', 'm'), 1.5)
    assert.deepEqual(await client.multi().incr('n').get('n').exec(), [1, '1'])
    await client.sAdd('s', ['x', 'y'])
    assert.deepEqual([...(await client.sMembers('s'))].sort(), ['x', 'y'])
    const found = []
    for await (const keys of client.scanIterator()) found.push(...keys)
    assert.deepEqual(found.sort(), ['h', 'k', 'n', 's', 'z'])
    const subscriber = client.duplicate()
    await subscriber.connect()
    const message = new Promise((resolve) => subscriber.subscribe('c', (text) => resolve(text)))
    while (!(await client.publish('c', 'hi')));
    assert.equal(await message, 'hi')
    await subscriber.close()
    await client.close()
  })
}

test('redis-cli and redis-benchmark', (t) => {
  const run = (program, ...args) => execFileSync(program, ['-p', String(port), ...args], { encoding: 'utf8' })
  try {
    execFileSync('redis-cli', ['-v'])
  } catch {
    return t.skip('redis-tools is not installed')
  }
  run('redis-cli', 'FLUSHALL')
  assert.equal(run('redis-cli', 'SET', 'k', 'a b'), 'OK\n')
  assert.equal(run('redis-cli', '--no-raw', 'GET', 'k'), '"a b"\n')
  assert.match(run('redis-cli', 'INFO', 'server'), /redis_version:7\.2\.4/)
  assert.match(run('redis-cli', '--bigkeys'), /Biggest string found/)
  const report = run('redis-benchmark', '-n', '1000', '-q', '-t', 'ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset')
  assert.equal(report.match(/requests per second/g)?.length, 20, report)
})
