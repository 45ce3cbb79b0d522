// The page prints replies and splits lines exactly as redis-cli does: compared with recordings of the real one.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { quoteWord, splitLine, splitRepeat } from '../../www/js/line.js'
import { formatPush, formatRaw, formatReply, printsRaw, quoted } from '../../www/js/reply.js'
import { decode } from './resp.mjs'

const recorded = JSON.parse(readFileSync(new URL('redis-cli.json', import.meta.url), 'utf8'))
const join = ({ tokens }) => tokens.map(([, text]) => text).join('')
const bulk = (value) => ({ type: 'bulk', value })
const utf8 = (latin1) => Buffer.from(latin1, 'latin1').toString('utf8')

test(`replies are printed as ${recorded.version} prints them`, async (t) => {
  for (const { resp, line, raw, tty } of recorded.replies) {
    await t.test(`RESP${resp} ${line}`, () => {
      const { reply } = decode(Buffer.from(raw, 'latin1'))
      assert.equal(join(formatReply(reply)) + '\n', utf8(tty).replace(/\n\n$/, '\n'))
    })
  }
})

test(`lines are split as ${recorded.version} splits them`, async (t) => {
  for (const { line, hex } of recorded.splits) {
    await t.test(JSON.stringify(line), () => {
      const args = splitLine(line)
      assert.deepEqual(args && args.map((a) => Buffer.from(a).toString('hex')), hex)
    })
  }
})

test('a quoted word is read back as it was', () => {
  for (const text of ['', 'a', 'a b', 'a"b', "it's", 'back\\slash', 'tab\tnl\n', '\x00\x7f', '你好', '"']) {
    assert.deepEqual(splitLine(quoteWord(text)), [text])
  }
})

test('a number before a command repeats it', () => {
  assert.deepEqual(splitRepeat(['3', 'INCR', 'n']), { times: 3, args: ['INCR', 'n'] })
  assert.deepEqual(splitRepeat(['3']), { times: 1, args: ['3'] })
  assert.deepEqual(splitRepeat(['0', 'GET']), { times: 1, args: ['0', 'GET'] })
  assert.deepEqual(splitRepeat(['GET', 'k']), { times: 1, args: ['GET', 'k'] })
})

test('a long reply is cut at the limit and says so', () => {
  const reply = { type: 'array', value: Array.from({ length: 1e5 }, (_, i) => bulk(`item ${i}`)) }
  const cut = formatReply(reply, { limit: 1000 })
  assert.equal(cut.cut, true)
  assert.equal(join(cut).length, 1000)
  assert.equal(formatReply(bulk('x'.repeat(1e6)), { limit: 100 }).cut, true)
  assert.equal(formatReply(bulk('x'.repeat(10)), { limit: 100 }).cut, false)
  assert.equal(formatReply(bulk('x'.repeat(98)), { limit: 100 }).cut, false)
  assert.equal(formatReply(bulk('x'.repeat(99)), { limit: 100 }).cut, true)
})

test('with utf8, text stays readable and what is not text is still escaped', () => {
  assert.equal(quoted('é 你好 "q" \n', { utf8: true }), '"é 你好 \\"q\\" \\n"')
  assert.equal(quoted(Uint8Array.of(0xff, 0x41), { utf8: true }), '"\\xffA"')
  assert.equal(quoted('\u202Eabc', { utf8: true }), '"\\xe2\\x80\\xaeabc"')
  assert.equal(quoted('é'), '"\\xc3\\xa9"')
})

test('the commands that redis-cli prints raw are printed raw', () => {
  assert.equal(printsRaw(['info']), true)
  assert.equal(printsRaw(['Client', 'list']), true)
  assert.equal(printsRaw(['client', 'id']), false)
  assert.equal(join(formatRaw(bulk('# Server\r\nredis_version:7\r\n'))), '# Server\nredis_version:7')
})

test('pushes: messages as arrays, invalidations as one line, MONITOR lines raw', () => {
  const message = { type: 'push', value: [bulk('message'), bulk('news'), bulk('hi')] }
  assert.equal(join(formatPush(message)), '1) "message"\n2) "news"\n3) "hi"')
  const gone = { type: 'push', value: [bulk('invalidate'), { type: 'array', value: [bulk('a'), bulk('b')] }] }
  assert.equal(join(formatPush(gone)), "-> invalidate: 'a', 'b'")
  assert.equal(join(formatPush({ type: 'simple', value: '1700000000.1 [0 tab] "GET" "k"' })), '1700000000.1 [0 tab] "GET" "k"')
})

test('numbers that RESP3 can carry and RESP2 cannot', () => {
  assert.equal(join(formatReply({ type: 'double', value: Infinity })), '(double) inf')
  assert.equal(join(formatReply({ type: 'double', value: NaN })), '(double) nan')
  assert.equal(join(formatReply({ type: 'double', value: -0 })), '(double) -0')
  assert.equal(join(formatReply({ type: 'integer', value: 9223372036854775807n })), '(integer) 9223372036854775807')
})
