// Live queries: told at the beginning, told when what they read has changed, and only then; in whatever tab it changes.

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { root } from '../tools/process.mjs'
import { inPage, startBrowser } from './browser.mjs'

const { open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')).href)

const db = await open()
after(() => db.close())

/** Resolves when all that the turn has left to do is done. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0))

/** Starts a live query; returns what it was told, and how to end it. */
function watch(query, on = db) {
  const told = []
  const stop = on.live(query, (value) => told.push(structuredClone(value)))
  stops.push(stop)
  return { told, stop }
}
const stops = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
  db.sync.flushall()
})

describe('of a key', () => {
  test('is told its value by its type', async () => {
    const cases = [
      [() => db.sync.set('k', 'v'), 'v'],
      [() => db.sync.hset('k', { f: 'v' }), { f: 'v' }],
      [() => db.sync.rpush('k', 'a', 'b'), ['a', 'b']],
      [() => db.sync.sadd('k', 'm'), ['m']],
      [() => db.sync.zadd('k', 1.5, 'm'), [['m', 1.5]]],
      [() => db.sync.xadd('k', '1-1', 'f', 'v'), [['1-1', ['f', 'v']]]],
      [() => db.sync.call('JSON.SET', 'k', '$', '{"a":[1]}'), { a: [1] }],
    ]
    const { told } = watch('k')
    await turn()
    for (const [write] of cases) {
      write()
      await turn()
      db.sync.del('k')
      await turn()
    }
    assert.deepEqual(told, [null, ...cases.flatMap(([, value]) => [value, null])].map((value) => structuredClone(value)))
  })

  test('is told later than it is asked, so that a callback can end it', async () => {
    let n = 0
    const stop = db.live('k', () => (n++, stop()))
    assert.equal(n, 0)
    await turn()
    db.sync.set('k', 1)
    await turn()
    assert.equal(n, 1)
  })

  test('is told once for all changes of a turn, and not when nothing has changed', async () => {
    const { told } = watch('n')
    await turn()
    for (let i = 0; i < 100; i++) db.sync.incr('n')
    await turn()
    db.sync.set('n', '100')
    db.sync.set('m', '1')
    await turn()
    db.sync.incr('n')
    db.sync.decr('n')
    await turn()
    assert.deepEqual(told, [null, '100'])
  })

  test('is told when it expires, when all is flushed, and when all is replaced', async () => {
    const { told } = watch('k')
    await turn()
    const file = await db.export()
    await db.set('k', 'short', 'PX', 20)
    await new Promise((resolve) => setTimeout(resolve, 80))
    for (const step of [() => db.set('k', 'flushed'), () => db.flushall(), () => db.set('k', 'replaced'), () => db.import(file)]) {
      await step()
      await turn()
    }
    assert.deepEqual(told, [null, 'short', null, 'flushed', null, 'replaced', null])
  })

  test('ends: nothing is told any more, and nothing is left of it', async () => {
    const { sessions } = db.status()
    const ended = watch('k')
    db.live('k', () => {})[Symbol.dispose]()
    await turn()
    ended.stop()
    ended.stop()
    db.sync.set('k', 1)
    await turn()
    assert.deepEqual(ended.told, [null])
    assert.equal(db.status().sessions, sessions)
    assert.match(await db.call('INFO', 'stats'), /tracking_total_keys:0\r\n/)
  })

  test('leaves no trace that grows while it lasts', async () => {
    watch((read) => read.mget('a', 'b', 'c'))
    for (let i = 0; i < 500; i++) {
      await db.set('a', i)
      await turn()
    }
    const { stats } = await db.info('stats')
    assert.equal(stats.tracking_total_items, 3)
  })
})

describe('of a pattern', () => {
  test('is told the sorted names when one comes or goes, and not of new values', async () => {
    await db.mset({ 'user:2': 'b', 'user:1': 'a', other: 'c' })
    const { told } = watch({ pattern: 'user:*' })
    await turn()
    await db.set('user:2', 'new value')
    await db.set('others', 'x')
    await turn()
    await db.set('user:3', 'c')
    await turn()
    await db.rename('user:1', 'user:0')
    await turn()
    await db.flushall()
    await turn()
    assert.deepEqual(told, [['user:1', 'user:2'], ['user:1', 'user:2', 'user:3'], ['user:0', 'user:2', 'user:3'], []])
  })

  test('takes all that Redis does for a pattern', async () => {
    await db.mset({ a1: 1, b1: 1, c1: 1, '*1': 1 })
    const [some, star, any] = [watch({ pattern: '[ab]?' }), watch({ pattern: '\\*1' }), watch({ pattern: '*' })]
    await turn()
    await db.set('b2', 1)
    await turn()
    assert.deepEqual(some.told, [['a1', 'b1'], ['a1', 'b1', 'b2']])
    assert.deepEqual(star.told, [['*1']])
    assert.equal(any.told.at(-1).length, 5)
  })

  test('is right after more changes at once than are noted', async () => {
    const { told } = watch({ pattern: 'k*' })
    await turn()
    for (let i = 0; i < 10_000; i++) db.sync.set(`k${i}`, 1)
    await turn()
    assert.deepEqual(told.map((names) => names.length), [0, 10_000])
  })
})

describe('of a function', () => {
  test('is asked again when a key that it read changes', async () => {
    let runs = 0
    const { told } = watch((read) => {
      runs++
      return read.get('which') === 'b' ? read.get('b') : read.get('a')
    })
    await turn()
    await db.set('b', 'B')
    await turn()
    assert.equal(runs, 1)
    await db.mset({ which: 'b', a: 'A' })
    await turn()
    await db.set('b', 'BB')
    await turn()
    assert.deepEqual(told, [null, 'B', 'BB'])
    assert.equal(runs, 3)
  })

  test('reads with arguments of all kinds', async () => {
    await db.zadd('board', 1, 'a', 2, 'b')
    const { told } = watch((read) => read.zrange('board', 0, 9, 'WITHSCORES'))
    await turn()
    await db.zincrby('board', 5, 'a')
    await turn()
    assert.deepEqual(told, [[['a', 1], ['b', 2]], [['b', 2], ['a', 6]]])
  })

  test('may not write, nor read what nobody could tell it of', async () => {
    const errors = []
    const off = db.on('error', (error) => errors.push(error.message))
    watch((read) => read.set('k', 1))
    watch((read) => read.keys('*'))
    watch((read) => read.call('DBSIZE'))
    await turn()
    off()
    assert.match(errors[0], /only reads: 'set' does more/)
    assert.match(errors[1], /live\(\{ pattern \}\)/)
    assert.match(errors[2], /'DBSIZE'/)
    assert.equal(await db.exists('k'), 0)
  })

  test('one that throws is reported, leaves the others alone, and goes on', async () => {
    const errors = []
    const off = db.on('error', (error) => errors.push(error.message))
    db.sync.set('k', 1)
    const stop = db.live('k', () => {
      throw new Error('callback')
    })
    watch((read) => read.lrange('k', 0, -1))
    const { told } = watch('k')
    await turn()
    await db.set('k', 2)
    await turn()
    stop()
    off()
    assert.deepEqual(told, ['1', '2'])
    assert.equal(errors.filter((message) => message === 'callback').length, 2)
    assert.equal(errors.filter((message) => message.startsWith('WRONGTYPE')).length, 2)
  })
})

describe('in several tabs', () => {
  let site, leader, follower
  before(async () => {
    site = await startBrowser()
    leader = await site.page()
    follower = await site.page({ context: leader.context() })
    for (const page of [leader, follower]) {
      await inPage(page, async (t) => {
        t.db = await t.open('shop')
        t.told = []
        t.db.live('k', (value) => t.told.push(value))
        t.names = []
        t.db.live({ pattern: 'user:*' }, (names) => (t.names = names))
        t.db.live((read) => read.zrange('board', 0, 0), (top) => (t.top = top[0]))
      })
    }
  })
  after(() => site?.stop())

  const both = async (body) => {
    for (const page of [leader, follower]) await page.waitForFunction(`(${body})(globalThis.t)`, undefined, { timeout: 10_000 })
  }

  test('what one writes is told in all', async () => {
    await inPage(leader, (t) => t.db.set('k', 'leader'))
    await both((t) => t.told.at(-1) === 'leader')
    await inPage(follower, (t) => t.db.multi().set('k', 'follower').set('user:1', 1).zadd('board', 1, 'first').exec())
    await both((t) => t.told.at(-1) === 'follower' && t.names.join() === 'user:1' && t.top === 'first')
  })

  test('a key that expires, and all that are flushed', async () => {
    await inPage(follower, (t) => t.db.set('k', 'short', 'PX', 50))
    await both((t) => t.told.at(-1) === null && t.told.includes('short'))
    await inPage(follower, (t) => t.db.flushall())
    await both((t) => t.names.length === 0 && t.top === undefined)
  })

  test('all data is replaced', async () => {
    await inPage(follower, async (t) => {
      await t.db.mset({ k: 'kept', 'user:9': 1 })
      const file = await t.db.export()
      await t.db.mset({ k: 'later', 'user:8': 1 })
      await t.db.import(file)
    })
    await both((t) => t.told.at(-1) === 'kept' && t.names.join() === 'user:9')
  })

  test('the leader ends, and the other goes on', async () => {
    const third = await site.page({ context: leader.context() })
    await inPage(third, async (t) => {
      t.db = await t.open('shop')
      t.db.live('k', (value) => (t.last = value))
    })
    await third.waitForFunction(() => globalThis.t.last === 'kept')
    await leader.close()
    await inPage(follower, (t) => t.db.set('k', 'after'))
    await third.waitForFunction(() => globalThis.t.last === 'after')
    assert.deepEqual([...follower.errors, ...third.errors], [])
  })
})
