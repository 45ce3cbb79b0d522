// Several tabs with one database: what one does, the others have; what only the leader can do, it does for them.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { inPage, startBrowser } from './browser.mjs'

let site
before(async () => (site = await startBrowser()))
after(() => site?.stop())

/** Opens a database in `count` new pages of one profile; the first one leads. */
async function tabs(count = 2, options) {
  const first = await site.page()
  const pages = [first]
  while (pages.length < count) pages.push(await site.page({ context: first.context() }))
  for (const page of pages) {
    await inPage(
      page,
      async (t, options) => {
        t.db = await t.open('shop', options)
        t.roles = []
        t.db.on('role', ({ role }) => t.roles.push(role))
      },
      options,
    )
  }
  return Object.assign(pages, { end: () => first.context().close() })
}

const role = (page) => inPage(page, (t) => t.db.status().tabs.role)

/** Waits until `body` is true in the page. */
const until = (page, body) => page.waitForFunction(`(${body})(globalThis.t)`)

describe('a follower', () => {
  let all, leader, follower
  before(async () => {
    all = await tabs()
    ;[leader, follower] = all
  })
  after(() => all?.end())

  test('reads at once what the leader has written', async () => {
    await inPage(leader, (t) => t.db.hset('h', { f: 'v' }))
    await until(follower, (t) => t.db.sync.hget('h', 'f') === 'v')
    assert.deepEqual([await role(leader), await role(follower)], ['leader', 'follower'])
  })

  test('reads what it has written itself, as soon as that is answered', async () => {
    const read = await inPage(follower, async (t) => {
      const read = []
      for (let i = 0; i < 50; i++) {
        await t.db.set('own', i)
        read.push(Number(t.db.sync.get('own')))
      }
      return read
    })
    assert.deepEqual(read, Array.from({ length: 50 }, (_, i) => i))
    assert.equal(await inPage(leader, (t) => t.db.sync.get('own')), '49')
  })

  test('has commands run in the order in which they were called', async () => {
    const lengths = await inPage(follower, (t) => Promise.all(Array.from({ length: 100 }, (_, i) => t.db.rpush('order', i))))
    assert.deepEqual(lengths, Array.from({ length: 100 }, (_, i) => i + 1))
    assert.deepEqual(await inPage(leader, (t) => t.db.lrange('order', 0, -1)), Array.from({ length: 100 }, (_, i) => String(i)))
  })

  test('gets the errors of Redis', async () => {
    await assert.rejects(inPage(follower, (t) => t.db.incr('h')), { name: 'ReplyError', code: 'WRONGTYPE' })
    await assert.rejects(inPage(follower, (t) => t.db.set('k')), { message: "ERR wrong number of arguments for 'set' command" })
  })

  test('cannot write at once', async () => {
    await assert.rejects(inPage(follower, (t) => t.db.sync.set('never', 1)), { message: "READONLY You can't write against a read only replica." })
    assert.equal(await inPage(follower, (t) => t.db.exists('never')), 0)
    assert.equal(await inPage(leader, (t) => t.db.exists('never')), 0)
  })

  test('has a pipeline or transaction run with one message', async () => {
    const [replies, atomic, messages] = await inPage(follower, async (t) => {
      const { postMessage } = BroadcastChannel.prototype
      let messages = 0
      BroadcastChannel.prototype.postMessage = function (message) {
        messages++
        return postMessage.call(this, message)
      }
      try {
        const replies = await t.db.pipeline().set('p', 1).incr('p').get('p').exec()
        const atomic = await t.db.multi().incrby('p', 5).get('p').exec()
        return [replies, atomic, messages]
      } finally {
        BroadcastChannel.prototype.postMessage = postMessage
      }
    })
    assert.deepEqual([replies, atomic], [['OK', 2, '2'], [7, '7']])
    // The others are acknowledgements.
    assert.ok(messages <= 4, `${messages} messages`)
  })

  test('sends the commands of one turn with one message, without a pipeline', async () => {
    const [replies, messages] = await inPage(follower, async (t) => {
      const { postMessage } = BroadcastChannel.prototype
      let messages = 0
      BroadcastChannel.prototype.postMessage = function (message) {
        messages++
        return postMessage.call(this, message)
      }
      try {
        const replies = await Promise.all(Array.from({ length: 50 }, () => t.db.incr('auto')))
        return [replies, messages]
      } finally {
        BroadcastChannel.prototype.postMessage = postMessage
      }
    })
    assert.deepEqual(replies, Array.from({ length: 50 }, (_, i) => i + 1))
    // The other one is an acknowledgement.
    assert.ok(messages <= 2, `${messages} messages`)
  })

  test('has a signal end what waits at the leader, and nothing is taken', async () => {
    await inPage(follower, async (t) => {
      t.stop = new AbortController()
      t.outcome = t.db.blpop('aborted', 0, { signal: t.stop.signal }).catch((error) => error.name)
    })
    await until(leader, (t) => /blocked_clients:[1-9]/.test(t.db.sync.call('INFO', 'clients')))
    assert.equal(await inPage(follower, (t) => (t.stop.abort(), t.outcome)), 'AbortError')
    await until(leader, (t) => /blocked_clients:0/.test(t.db.sync.call('INFO', 'clients')))
    await inPage(leader, (t) => t.db.rpush('aborted', 'kept'))
    assert.equal(await inPage(leader, (t) => t.db.llen('aborted')), 1)
  })

  test('stays in the database that a pipeline has selected', async () => {
    const found = await inPage(follower, async (t) => {
      await t.db.pipeline().select(3).set('there', 'yes').exec()
      const there = t.db.sync.get('there')
      await t.db.call('SELECT', 0)
      return [there, await t.db.exists('there')]
    })
    assert.deepEqual(found, ['yes', 0])
  })

  test('watches keys', async () => {
    assert.equal(
      await inPage(follower, async (t) => {
        await t.db.watch('w')
        await t.db.set('w', 1)
        return t.db.multi().set('w', 2).exec()
      }),
      null,
    )
    const watching = inPage(follower, async (t) => {
      const session = t.db.session()
      await session.call('WATCH', 'w')
      t.watched = true
      while (t.db.sync.get('w') !== 'other') await new Promise((resolve) => setTimeout(resolve, 1))
      const replies = await session.multi().set('w', 'mine').exec()
      session.close()
      return replies
    })
    await until(follower, (t) => t.watched)
    await inPage(leader, (t) => t.db.set('w', 'other'))
    assert.equal(await watching, null)
    // What nobody has changed.
    assert.deepEqual(
      await inPage(follower, async (t) => {
        await t.db.watch('w')
        return t.db.multi().set('w', 3).exec()
      }),
      ['OK'],
    )
  })

  test('waits for elements that another tab pushes', async () => {
    await inPage(follower, (t) => {
      t.popped = t.db.blpop('queue', 0)
      t.session = t.db.session()
      t.moved = t.session.call('BLMOVE', 'from', 'to', 'LEFT', 'RIGHT', 0)
    })
    await inPage(leader, async (t) => {
      await t.db.rpush('queue', 'job')
      await t.db.rpush('from', 'moved')
    })
    assert.deepEqual(await inPage(follower, (t) => Promise.all([t.popped, t.moved])), [['queue', 'job'], 'moved'])
    // And the other way round, and in vain.
    await inPage(leader, (t) => void (t.popped = t.db.blpop('queue', 0)))
    await inPage(follower, (t) => t.db.rpush('queue', 'back'))
    assert.deepEqual(await inPage(leader, (t) => t.popped), ['queue', 'back'])
    assert.equal(await inPage(follower, (t) => t.db.blpop('queue', 0.05)), null)
  })

  test('hears what others publish, of keys that change, and of those it may have cached', async () => {
    await inPage(follower, async (t) => {
      t.heard = []
      t.db.subscribe('news', (message) => t.heard.push(`news ${message}`))
      await t.db.config('SET', 'notify-keyspace-events', 'KEA')
      t.db.psubscribe('__keyevent@0__:*', (message, channel) => message === 'seen' && t.heard.push(`${channel.split(':')[1]} ${message}`))
      t.tracking = t.db.session({ resp: 3 })
      t.tracking.onpush = (push) => t.heard.push(JSON.stringify(push.value[1]))
      await t.tracking.call('CLIENT', 'TRACKING', 'ON')
      await t.tracking.call('GET', 'seen')
    })
    await inPage(leader, async (t) => {
      await t.db.publish('news', 'hello')
      await t.db.set('seen', 1)
      await t.db.del('seen')
    })
    await until(follower, (t) => t.heard.length >= 4)
    const heard = await inPage(follower, (t) => t.heard.map((word) => (word.includes('seen') && word.startsWith('{') ? 'invalidated' : word)))
    assert.deepEqual(heard.sort(), ['del seen', 'invalidated', 'news hello', 'set seen'])
  })

  test('never expires keys by itself, and sees none that is due', async () => {
    await inPage(follower, (t) => t.db.set('short', 1, 'PX', 60))
    assert.equal(await inPage(follower, (t) => t.db.sync.get('short')), '1')
    await new Promise((resolve) => setTimeout(resolve, 80))
    assert.deepEqual(await inPage(follower, (t) => [t.db.sync.get('short'), t.db.sync.exists('short')]), [null, 0])
    await until(leader, (t) => t.db.sync.exists('short') === 0)
  })

  test('says what it is, as a replica of Redis does', async () => {
    const [kind, link, names] = await inPage(follower, async (t) => {
      const info = await t.db.call('INFO', 'replication')
      const [kind, , , link] = await t.db.call('ROLE')
      return [kind, link, [...info.matchAll(/^(role|master_link_status):(\w+)/gm)].map((found) => found[0])]
    })
    assert.deepEqual([kind, link, names], ['slave', 'connected', ['role:slave', 'master_link_status:up']])
    assert.match(await inPage(leader, (t) => t.db.call('INFO', 'replication')), /connected_slaves:1\r\nslave0:/)
    assert.equal(await inPage(leader, async (t) => (await t.db.set('acked', 1), t.db.wait(1, 1000))), 1)
  })

  test('can replace all data: it leads then', async () => {
    const found = await inPage(follower, async (t) => {
      const file = await t.db.export()
      await t.db.set('later', 1)
      await t.db.import(file)
      return [await t.db.exists('later'), t.db.status().tabs.role]
    })
    assert.deepEqual(found, [0, 'leader'])
    await until(leader, (t) => t.db.sync.exists('later') === 0 && t.db.status().tabs.role === 'follower')
    await inPage(leader, (t) => t.db.set('after', 1))
    assert.equal(await inPage(follower, (t) => t.db.get('after')), '1')
  })

  test('nothing went wrong unseen', () => assert.deepEqual([...leader.errors, ...follower.errors], []))
})

test('a tab that is closed is followed by another, which has all of it', async () => {
  const [first, second, third, ...rest] = await tabs(3)
  assert.equal(rest.length, 0)
  await inPage(second, (t) => Promise.all(Array.from({ length: 20 }, (_, i) => t.db.incr('n'))))
  await first.close()
  await inPage(third, (t) => t.db.incr('n'))
  assert.equal(await inPage(second, (t) => t.db.get('n')), '21')
  const roles = [await role(second), await role(third)]
  assert.deepEqual(roles.sort(), ['follower', 'leader'])
  await second.context().close()
})

test('a tab that is opened while others write misses nothing', async () => {
  const all = await tabs()
  await inPage(all[1], (t) => {
    t.sum = 0
    t.writing = (async () => {
      while (!t.enough) {
        await t.db.incr('n')
        t.sum++
      }
    })()
  })
  const third = await site.page({ context: all[0].context() })
  await inPage(third, async (t) => (t.db = await t.open('shop')))
  const sum = await inPage(all[1], async (t) => {
    t.enough = true
    await t.writing
    return t.sum
  })
  assert.ok(sum > 10)
  await third.waitForFunction((sum) => Number(globalThis.t.db.sync.get('n')) === sum, sum)
  await all.end()
})

test('a large database comes to a new tab in pieces, with what is written meanwhile', async () => {
  const first = await site.page()
  await inPage(first, async (t) => {
    t.db = await t.open('shop')
    for (let i = 0; i < 20_000; i++) t.db.sync.set(`k${i}`, `${i}-${Math.random().toString(36).repeat(20)}`)
    await t.db.flush()
    t.writing = setInterval(() => t.db.incr('n'), 1)
  })
  const second = await site.page({ context: first.context() })
  assert.equal(await inPage(second, async (t) => (t.db = await t.open('shop')).exists('k0', 'k19999')), 2)
  const [keys, n] = await inPage(first, async (t) => {
    clearInterval(t.writing)
    return [await t.db.dbsize(), Number(await t.db.get('n'))]
  })
  await second.waitForFunction(([keys, n]) => globalThis.t.db.sync.dbsize() === keys && Number(globalThis.t.db.sync.get('n')) === n, [keys, n])
  await first.context().close()
})

test('strict holds for followers: what was answered is stored', async () => {
  const all = await tabs(2, { durability: 'strict' })
  const pending = await inPage(all[1], async (t) => {
    await t.db.set('k', 'v')
    return t.db.status().storage.pending
  })
  assert.equal(pending, false)
  assert.equal(await inPage(all[0], (t) => t.db.status().storage.pending), false)
  await all.end()
})

test('a tab that ends without a word while it waits for an element takes none', async () => {
  const all = await tabs(3)
  await inPage(all[1], (t) => void t.db.blpop('q', 0).catch(() => {}))
  await until(all[1], (t) => t.db.status().tabs.waiting === 1)
  await inPage(all[1], (t) => t.db.terminate())
  await until(all[0], (t) => t.db.status().tabs.others.length === 1)
  await inPage(all[0], (t) => t.db.rpush('q', 'kept'))
  assert.deepEqual(await inPage(all[2], (t) => t.db.blpop('q', 1)), ['q', 'kept'])
  await all.end()
})

test('who waits in another tab until a change is stored is told when the disk is full', async () => {
  const leader = await site.pageOnDisk()
  const follower = await leader.context().newPage()
  await follower.goto(site.address)
  const cdp = await leader.context().newCDPSession(leader)
  const quota = (quotaSize) => cdp.send('Storage.overrideQuotaForOrigin', { origin: site.address, ...(quotaSize && { quotaSize }) })
  await quota(1_000_000)
  for (const page of [leader, follower]) await inPage(page, async (t) => void (t.db = await t.open('shop', { durability: 'strict' })))
  const code = await inPage(follower, async (t) => {
    for (let n = 0; n < 20; n++) {
      const bytes = new Uint8Array(200_000)
      for (let at = 0; at < bytes.length; at += 50_000) crypto.getRandomValues(bytes.subarray(at, at + 50_000))
      const code = await t.db.set(`big${n}`, bytes).then(() => '', (error) => error.code)
      if (code) return code
    }
  })
  assert.equal(code, 'MISCONF')
  await quota()
  assert.equal(await inPage(follower, async (t) => {
    // Once there is room, the leader tries again by itself.
    for (;;) {
      const reply = await t.db.set('again', 1).catch(() => undefined)
      if (reply) return reply
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }), 'OK')
  await leader.context().close()
})

test('a tab that nobody sees lets one lead that somebody sees', async () => {
  const [first, second, ...rest] = await tabs(2)
  assert.equal(rest.length, 0)
  assert.deepEqual([await role(first), await role(second)], ['leader', 'follower'])
  await inPage(first, async (t) => {
    await t.db.set('before', 1)
    Object.defineProperty(document, 'visibilityState', { get: () => 'hidden', configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await until(second, (t) => t.db.status().tabs.role === 'leader')
  await until(first, (t) => t.db.status().tabs.role === 'follower')
  assert.equal(await inPage(second, (t) => t.db.incr('before')), 2)
  assert.equal(await inPage(first, (t) => t.db.incr('before')), 3)
  await first.context().close()
})

test('a tab of another version is told so, and harms nobody', async () => {
  const all = await tabs(2)
  const answers = await inPage(all[1], async (t) => {
    t.db.on('storage', ({ error }) => error && (t.told = [error.code, error.message]))
    const channel = new BroadcastChannel('tabdis:shop')
    const heard = []
    channel.onmessage = ({ data }) => heard.push(new TextDecoder().decode(data[1]))
    const text = ['tabdis', '7', 'LEAD', 'newer', '*', '999', '0', 'x', '0', '0'].map((word) => `$${word.length}\r\n${word}\r\n`)
    channel.postMessage(['newer', new TextEncoder().encode(`*${text.length}\r\n${text.join('')}`)])
    for (let n = 0; n < 100 && !(t.told && heard.some((text) => text.includes('VERSION'))); n++) await new Promise((resolve) => setTimeout(resolve, 20))
    channel.close()
    return { told: t.told, versions: heard.filter((text) => text.includes('VERSION')).length, role: t.db.status().tabs.role }
  })
  assert.equal(answers.told[0], 'NEWER')
  assert.match(answers.told[1], /another version of tabdis \(its messages are of version 7\): reload the older one/)
  assert.ok(answers.versions >= 1)
  assert.equal(answers.role, 'follower')
  assert.equal(await inPage(all[1], (t) => t.db.set('still', 'works')), 'OK')
  assert.equal(await inPage(all[0], (t) => t.db.sync.get('still')), 'works')
  await all.end()
})

test('what comes on the channel and is nonsense changes nothing', async () => {
  const all = await tabs(3)
  await inPage(all[2], async (t) => {
    const channel = new BroadcastChannel('tabdis:shop')
    const bytes = (text) => new TextEncoder().encode(text)
    for (const message of [
      null, 1, 'x', {}, [], ['a'], ['a', 'b'], [1, bytes('x')], ['x', bytes('')], ['x', bytes('*1\r\n$3\r\nfoo\r\n')],
      ['x', bytes('*7\r\n$6\r\ntabdis\r\n$1\r\n1\r\n$4\r\nFEED\r\n')], ['x', bytes('*99999999999\r\n')], ['x', bytes(`$${2 ** 40}\r\n`)],
      ['x', bytes('*10\r\n$6\r\ntabdis\r\n$1\r\n1\r\n$4\r\nFEED\r\n$1\r\nx\r\n$1\r\n*\r\n$1\r\n1\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n$5\r\nhello\r\n')],
      ['x', crypto.getRandomValues(new Uint8Array(5000))],
    ]) channel.postMessage(message)
    channel.close()
  })
  await inPage(all[1], (t) => t.db.set('still', 'there'))
  await until(all[2], (t) => t.db.sync.get('still') === 'there')
  assert.equal(await role(all[0]), 'leader')
  for (const page of all) assert.deepEqual(page.errors, [])
  await all.end()
})
