// Small parts of the page: history, units, and what the view of the keys reads.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { History } from '../../www/js/history.js'
import { idOf, KeyReader, ROWS } from '../../www/js/keys.js'
import { bytes, millis, timeLeft } from '../../www/js/units.js'

test('history goes back and forth and gives the draft back', () => {
  let stored = null
  const open = () => new History({ load: () => stored, save: (text) => (stored = text) })
  const history = open()
  assert.equal(history.older(''), null)
  for (const line of ['GET a', 'GET a', 'GET b', '  ']) history.add(line)
  assert.equal(history.older('draft'), 'GET b')
  assert.equal(history.older('GET b'), 'GET a')
  assert.equal(history.older('GET a'), null)
  assert.equal(history.newer(), 'GET b')
  assert.equal(history.newer(), 'draft')
  assert.equal(history.newer(), null)
  assert.equal(open().older(''), 'GET b')
})

test('history keeps no password, and survives a damaged store', () => {
  let stored = '{"not": "a list"'
  const history = new History({ load: () => stored, save: (text) => (stored = text) })
  for (const line of ['AUTH secret', 'hello 3 AUTH me secret', 'ACL SETUSER me >secret', 'CONFIG SET requirepass secret']) history.add(line)
  assert.equal(history.older(''), null)
  for (let i = 0; i < 300; i++) history.add(`GET ${i}`)
  assert.equal(JSON.parse(stored).length, 200)
})

test('sizes and times are short', () => {
  assert.deepEqual([0, 999, 1000, 1024, 1536, 123456, 5e6, 3e9, null].map(bytes), ['0 B', '999 B', '1.0 KB', '1.0 KB', '1.5 KB', '121 KB', '4.8 MB', '2.8 GB', '–'])
  assert.deepEqual([-5, 1, 59_000, 60_000, 252_000, 3_600_000, 12_000_000, 450_000_000].map(timeLeft), ['0s', '1s', '59s', '1m 00s', '4m 12s', '1h 00m', '3h 20m', '5d 5h'])
  assert.deepEqual([0.84, 12.4, 340].map(millis), ['0.8', '12', '340'])
})

const bulk = (value) => ({ type: 'bulk', value })
const integer = (value) => ({ type: 'integer', value })
const array = (...value) => ({ type: 'array', value })

/** A client that answers from a table of functions by command. */
const fake = (answers) => ({ raw: async ([name, ...args]) => answers[name]?.(...args) ?? { type: 'error', value: `ERR unknown command '${name}'` } })

test('the view reads a bounded number of rows, sorted as people count', async () => {
  let scans = 0
  const reader = new KeyReader(fake({
    DBSIZE: () => integer(1000),
    SCAN: () => array(bulk(String(++scans)), array(...Array.from({ length: 150 }, (_, i) => bulk(`key:${150 * scans - i}`)))),
    TYPE: () => ({ type: 'simple', value: 'string' }),
    PTTL: () => integer(-1),
    OBJECT: () => bulk('embstr'),
    STRLEN: () => integer(3),
  }))
  const { rows, total, more } = await reader.read(0)
  assert.equal(rows.length, ROWS)
  assert.equal(total, 1000)
  assert.equal(more, true)
  assert.equal(scans, 2)
  assert.ok(rows.findIndex((r) => r.key === 'key:9') < 0 || rows.findIndex((r) => r.key === 'key:9') < rows.findIndex((r) => r.key === 'key:10'))
  assert.deepEqual(rows.slice(0, 2).map((r) => r.key), ['key:1', 'key:2'])
})

test('a keyspace that goes on without end is not read to its end', async () => {
  let scans = 0
  const reader = new KeyReader(fake({ DBSIZE: () => integer(1e9), SCAN: () => array(bulk(String(++scans)), array()) }))
  assert.equal((await reader.read(0, 'nothing*')).more, true)
  assert.ok(scans < 100)
})

test('a key that goes while it is read makes no row, and one of unknown type makes a short one', async () => {
  const answers = {
    DBSIZE: () => integer(2),
    SCAN: () => array(bulk('0'), array(bulk('gone'), bulk('json'))),
    TYPE: (key) => ({ type: 'simple', value: key === 'gone' ? 'none' : 'ReJSON-RL' }),
    PTTL: () => integer(5000),
    OBJECT: () => bulk('raw'),
  }
  const { rows } = await new KeyReader(fake(answers)).read(0)
  assert.deepEqual(rows.map(({ key, type, size }) => ({ key, type, size })), [{ key: 'json', type: 'ReJSON-RL', size: null }])
  assert.ok(rows[0].expiresAt > Date.now() && rows[0].expiresAt <= Date.now() + 5000)
})

test('values come as rows from RESP2 and RESP3 alike', async () => {
  const base = { TYPE: () => ({ type: 'simple', value: 'zset' }), PTTL: () => integer(-1), OBJECT: () => bulk('listpack'), ZCARD: () => integer(2), MEMORY: () => integer(99) }
  const flat = { ...base, ZRANGE: () => array(bulk('a'), bulk('1'), bulk('b'), bulk('2')) }
  const nested = { ...base, ZRANGE: () => array(array(bulk('a'), { type: 'double', value: 1 }), array(bulk('b'), { type: 'double', value: 2 })) }
  assert.deepEqual((await new KeyReader(fake(flat)).value(0, 'z')).items, [['a', '1'], ['b', '2']])
  const found = await new KeyReader(fake(nested)).value(0, 'z')
  assert.deepEqual(found.items, [['a', 1], ['b', 2]])
  assert.equal(found.memory, 99)
})

test('a key of bytes and a key of text that looks like it are two keys', () => {
  assert.notEqual(idOf(Uint8Array.of(0x61)), idOf('a'))
  assert.equal(idOf(Uint8Array.of(0xff, 1)), idOf(Uint8Array.of(0xff, 1)))
})
