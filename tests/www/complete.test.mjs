// Completion, hints and HELP follow the rows of the commands.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandBook } from '../../www/js/complete.js'

const book = new CommandBook([
  { name: 'get', syntax: 'GET key', summary: 'Returns the value of a key.', group: 'string', since: '1.0.0' },
  { name: 'GETDEL', syntax: 'key', summary: 'Returns and deletes.', group: 'string', since: '6.2.0' },
  { name: 'SET', syntax: 'SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]', summary: 'Sets a key.', group: 'string', since: '1.0.0' },
  { name: 'HSET', syntax: 'HSET key field value [field value ...]', summary: 'Sets fields.', group: 'hash', since: '2.0.0' },
  { name: 'DEL', syntax: 'DEL key [key ...]', summary: 'Deletes keys.', group: 'generic', since: '1.0.0' },
  { name: 'CONFIG', syntax: 'CONFIG', summary: 'A container.', group: 'server', since: '2.0.0' },
  { name: 'CONFIG|GET', syntax: 'CONFIG GET parameter [parameter ...]', summary: 'Returns parameters.', group: 'server', since: '2.0.0' },
  { name: 'CONFIG|SET', syntax: 'CONFIG SET parameter value', summary: 'Sets parameters.', group: 'server', since: '2.0.0' },
  { name: 'LMOVE', syntax: 'LMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT>', summary: 'Moves.', group: 'list', since: '6.2.0' },
  { name: 'XADD', syntax: 'XADD key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]', summary: 'Appends.', group: 'stream', since: '5.0.0' },
])

test('commands complete from their first letters, in the case of the typing', () => {
  assert.deepEqual(book.complete('ge'), ['get', 'getdel'])
  assert.deepEqual(book.complete('GET'), ['GETDEL'])
  assert.deepEqual(book.complete('config '), ['config get', 'config set'])
  assert.deepEqual(book.complete('CONFIG G'), ['CONFIG GET'])
  assert.deepEqual(book.complete(''), [])
  assert.deepEqual(book.complete('nosuch'), [])
})

test('options complete from the syntax, keys from the keyspace', () => {
  assert.deepEqual(book.complete('SET k v E'), ['SET k v EX'])
  assert.deepEqual(book.complete('set k v k'), ['set k v keepttl'])
  assert.deepEqual(book.complete('get us', ['user:1', 'user:2', 'other']), ['get user:1', 'get user:2'])
  assert.deepEqual(book.complete('del a us', ['user:1']), ['del a user:1'])
  assert.deepEqual(book.complete('lmove a b l'), ['lmove a b left'])
})

test('help completes to topics', () => {
  assert.deepEqual(book.complete('help conf'), ['help CONFIG', 'help CONFIG GET', 'help CONFIG SET'])
  assert.deepEqual(book.complete('help @st'), ['help @stream', 'help @string'])
})

test('the hint is what is left of the syntax', () => {
  assert.equal(book.hint('get'), ' key')
  assert.equal(book.hint('get '), 'key')
  assert.equal(book.hint('get k'), '')
  assert.equal(book.hint('set k'), ' value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]')
  assert.equal(book.hint('set k v '), '[NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]')
  assert.equal(book.hint('set k v ex '), 'seconds [NX | XX] [GET]')
  assert.equal(book.hint('set k v ex 10 nx '), '[GET]')
  assert.equal(book.hint('set k v what'), '')
  assert.equal(book.hint('hset h f '), 'value [field value ...]')
  assert.equal(book.hint('hset h f v f2 '), 'value [field value ...]')
  assert.equal(book.hint('del a b '), '[key ...]')
  assert.equal(book.hint('config get '), 'parameter [parameter ...]')
  assert.equal(book.hint('lmove a b left '), '<LEFT | RIGHT>')
  assert.equal(book.hint('xadd s '), '[NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]')
  assert.equal(book.hint('nosuch '), '')
  assert.equal(book.hint(''), '')
})

test('help finds a command, its subcommands, a group, or nothing', () => {
  assert.equal(book.help(''), null)
  assert.deepEqual(book.help('get'), [{ name: 'GET', args: 'key', summary: 'Returns the value of a key.', since: '1.0.0', group: 'string' }])
  assert.deepEqual(book.help('config').map((h) => h.name), ['CONFIG', 'CONFIG GET', 'CONFIG SET'])
  assert.deepEqual(book.help('@hash').map((h) => h.name), ['HSET'])
  assert.deepEqual(book.help('nosuch'), [])
})
