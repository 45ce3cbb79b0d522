// What tests of others need: a clock and chance of their own, copies, and beginning anew.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { root } from '../tools/process.mjs'

const { EngineDead, open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')).href)

describe('a clock of its own', () => {
  test('is the time of everything', async () => {
    let now = 1_800_000_000_000
    const db = await open({ clock: () => now, seed: 7 })
    await db.set('k', 'v', 'PX', 1000)
    assert.deepEqual(await db.time(), ['1800000000', '0'])
    assert.match(await db.xadd('s', '*', 'f', 'v'), /^1800000000000-0$/)
    const told = []
    db.live('k', (value) => told.push(value))
    const popped = db.blpop('q', 1)
    now += 999
    db.advance()
    assert.equal(await db.pttl('k'), 1)
    // A key is due when its time has passed.
    now += 2
    db.advance()
    assert.equal(await popped, null)
    assert.deepEqual([await db.get('k'), told], [null, ['v', null]])
    await db.close()
  })

  test('is of a database in memory only', async () => {
    await assert.rejects(open('kept', { clock: () => 1 }), TypeError)
    await (await open('named', { clock: () => 1, durability: 'memory' })).close()
  })

  test('with a seed, everything happens the same way every time', async () => {
    const runs = []
    for (let i = 0; i < 2; i++) {
      const db = await open({ clock: () => 1_800_000_000_000, seed: 42 })
      await db.sadd('s', ...Array.from({ length: 200 }, (_, i) => i))
      runs.push([await db.srandmember('s', 5), await db.spop('s', 5), await db.call('ACL', 'GENPASS')])
      await db.close()
    }
    assert.deepEqual(runs[0], runs[1])
  })
})

describe('a fork', () => {
  test('has the data of its moment, and goes its own way', async () => {
    const now = 1_800_000_000_000
    const db = await open({ clock: () => now, databases: 20 })
    await db.hset('h', 'f', 'v')
    await db.select(19).set('k', 'v', 'PX', 5000)
    const fork = await db.fork()
    await db.hset('h', 'f', 'changed')
    await fork.set('own', 1)
    assert.deepEqual([await fork.hget('h', 'f'), await fork.select(19).get('k'), await fork.select(19).pttl('k'), await db.exists('own')], ['v', 'v', 5000, 0])
    await db.close()
    assert.equal(await fork.get('own'), '1')
    await fork.close()
  })

  test('of a thousand keys takes some milliseconds', async (t) => {
    const db = await open()
    for (let i = 0; i < 1000; i++) db.sync.set(`key:${i}`, `value ${i}`)
    const times = []
    for (let i = 0; i < 10; i++) {
      const start = performance.now()
      const fork = await db.fork()
      times.push(performance.now() - start)
      assert.equal(await fork.dbsize(), 1000)
      fork.terminate()
    }
    t.diagnostic(`fork of 1,000 keys: ${times.sort((a, b) => a - b)[5].toFixed(1)} ms (median of 10)`)
    await db.close()
  })
})

describe('a reset', () => {
  test('without a seed, nothing random comes again', async () => {
    const db = await open()
    const passwords = [await db.call('ACL', 'GENPASS')]
    const fork = await db.fork()
    passwords.push(await fork.call('ACL', 'GENPASS'))
    await db.reset()
    passwords.push(await db.call('ACL', 'GENPASS'))
    assert.equal(new Set(passwords).size, 3)
    await Promise.all([db.close(), fork.close()])
  })

  test('ends what goes out just then', async () => {
    const db = await open()
    for (let i = 0; i < 20_000; i++) db.sync.set(`key:${i}`, 'x'.repeat(200))
    const file = assert.rejects(db.export(), { name: 'RdbError', code: 'INTERRUPTED' })
    await db.reset()
    await file
    assert.equal(await db.dbsize(), 0)
    await db.close()
  })

  test('is of a database in memory only', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tabdis-reset-'))
    const db = await open(folder)
    await assert.rejects(db.reset(), TypeError)
    await db.close()
    await rm(folder, { recursive: true })
  })

  test('leaves a database as it was after open', async () => {
    const db = await open({ seed: 3, clock: () => 1_800_000_000_000 })
    const first = await db.call('ACL', 'GENPASS')
    const { sessions } = db.status()
    const four = db.select(4)
    await db.set('k', 1)
    await four.set('k', 4)
    await db.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await db.call('SELECT', 2)
    const session = db.session()
    let closed = 0
    session.onclose = () => closed++
    const told = []
    db.live('k', (value) => told.push(value))
    const messages = db.subscribe('news')
    const waits = db.blpop('q', 0)
    await new Promise((resolve) => setTimeout(resolve, 0))
    const over = (async () => {
      for await (const message of messages) assert.fail(message)
    })()
    await Promise.all([db.reset(), assert.rejects(waits, EngineDead)])
    await over
    assert.deepEqual([await db.dbsize(), await four.dbsize(), closed], [0, 0, 1])
    assert.deepEqual(await db.config('GET', 'maxmemory-policy'), { __proto__: null, 'maxmemory-policy': 'noeviction' })
    assert.equal(await db.call('ACL', 'GENPASS'), first)
    assert.equal(db.status().sessions, sessions + 1)
    await assert.rejects(session.call('PING'), EngineDead)
    await db.set('k', 2)
    await four.set('k', 'four')
    assert.deepEqual([await db.get('k'), await four.get('k'), await db.bytes.exists('k')], ['2', 'four', 1])
    assert.deepEqual(told, [null])
    await db.close()
  })
})
