// The compatibility table: its file, and how it is narrowed.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { filtered, STATUSES, tally } from '../../www/js/compat-rows.js'

const { server, commands } = JSON.parse(readFileSync(new URL('../../www/compat.json', import.meta.url), 'utf8'))
const all = { text: '', status: '', group: '' }
const names = (rows) => rows.map(({ name }) => name)

test('the file is in order and has what the page shows', () => {
  assert.match(server, /^\d+\.\d+\.\d+$/)
  assert.deepEqual(names(commands), names(commands).sort())
  for (const { name, group, since, syntax, status, options, compared } of commands) {
    assert.ok(group && since && typeof syntax === 'string' && STATUSES.includes(status), name)
    for (const [option, of] of options) assert.ok(option && ['equal', 'newer', 'untested', 'missing'].includes(of), `${name} ${option}`)
    if (status === 'equal') assert.ok(compared > 0, name)
  }
  for (const { name, differs } of commands.filter(({ status }) => status === 'differs')) assert.ok(differs, name)
})

test('what is proven is said to be', () => {
  const get = commands.find(({ name }) => name === 'get')
  assert.equal(get.status, 'equal')
  const { options } = commands.find(({ name }) => name === 'zrange')
  assert.deepEqual(options.filter(([, of]) => of === 'equal').map(([name]) => name), ['BYSCORE', 'BYLEX', 'REV', 'LIMIT', 'WITHSCORES'])
})

test('words are looked for in names, syntax and options, whatever their case', () => {
  const found = names(filtered(commands, { ...all, text: 'ZRange  withscores' }))
  assert.ok(found.includes('zrange') && found.includes('zrangebyscore') && !found.includes('zrangestore'), found.join())
  assert.deepEqual(names(filtered(commands, { ...all, text: 'client getname' })), ['client getname'])
  assert.deepEqual(filtered(commands, { ...all, text: 'no such thing' }), [])
})

test('status and family narrow, and the counts are those of the rows', () => {
  for (const status of STATUSES) assert.equal(filtered(commands, { ...all, status }).length, tally(commands)[status])
  for (const { group } of filtered(commands, { ...all, group: 'list' })) assert.equal(group, 'list')
})
