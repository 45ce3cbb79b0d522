// The prompt follows SELECT, MULTI, subscriptions and RESET as redis-cli's does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PromptState } from '../../www/js/prompt.js'

const ok = { type: 'simple', value: 'OK' }
const queued = { type: 'simple', value: 'QUEUED' }
const error = (value) => ({ type: 'error', value })
const confirm = (kind, channel, n) => ({
  type: 'array',
  value: [{ type: 'bulk', value: kind }, { type: 'bulk', value: channel }, { type: 'integer', value: n }],
})

/** Runs `[line, reply]` pairs and returns the prompt after each. */
function prompts(...steps) {
  const state = new PromptState()
  return steps.map(([line, reply]) => {
    state.observe(line.split(' '), reply)
    return state.text()
  })
}

test('a selected database shows in brackets, a failed SELECT changes nothing', () => {
  assert.deepEqual(prompts(['select 3', ok], ['SELECT 99', error('ERR DB index is out of range')], ['SELECT 0', ok]), ['tabdis[3]> ', 'tabdis[3]> ', 'tabdis> '])
})

test('MULTI shows (TX) until EXEC or DISCARD', () => {
  assert.deepEqual(prompts(['MULTI', ok], ['SET k v', queued], ['EXEC', { type: 'array', value: [ok] }]), ['tabdis(TX)> ', 'tabdis(TX)> ', 'tabdis> '])
  assert.deepEqual(prompts(['multi', ok], ['discard', ok]), ['tabdis(TX)> ', 'tabdis> '])
  assert.deepEqual(prompts(['MULTI', ok], ['EXEC', error('EXECABORT Transaction discarded because of previous errors.')]).at(-1), 'tabdis> ')
  assert.deepEqual(prompts(['MULTI', ok], ['EXEC', { type: 'nullarray', value: null }]).at(-1), 'tabdis> ')
  assert.deepEqual(prompts(['MULTI', ok], ['EXEC now', error("ERR wrong number of arguments for 'exec' command")]).at(-1), 'tabdis(TX)> ')
})

test('a SELECT inside MULTI counts once EXEC has run it', () => {
  const exec = ['EXEC', { type: 'array', value: [ok, ok] }]
  assert.deepEqual(prompts(['MULTI', ok], ['SET a 1', queued], ['SELECT 2', queued], exec), ['tabdis(TX)> ', 'tabdis(TX)> ', 'tabdis(TX)> ', 'tabdis[2]> '])
  assert.equal(prompts(['MULTI', ok], ['SELECT 2', queued], ['DISCARD', ok]).at(-1), 'tabdis> ')
  assert.equal(prompts(['MULTI', ok], ['SELECT 99', queued], ['EXEC', { type: 'array', value: [error('ERR DB index is out of range')] }]).at(-1), 'tabdis> ')
})

test('a subscription shows in RESP2 and goes with the last channel; RESP3 needs no such mode', () => {
  const state = new PromptState()
  state.observe(['SUBSCRIBE', 'a', 'b'], confirm('subscribe', 'a', 1))
  state.observePush(confirm('subscribe', 'b', 2))
  assert.equal(state.text(), 'tabdis(subscribed mode)> ')
  state.observe(['UNSUBSCRIBE'], confirm('unsubscribe', 'a', 1))
  assert.equal(state.text(), 'tabdis(subscribed mode)> ')
  state.observePush(confirm('unsubscribe', 'b', 0))
  assert.equal(state.text(), 'tabdis> ')
  assert.equal(prompts(['HELLO 3', { type: 'map', value: [] }], ['SUBSCRIBE a', confirm('subscribe', 'a', 1)]).at(-1), 'tabdis> ')
})

test('RESET clears everything', () => {
  assert.equal(prompts(['SELECT 4', ok], ['MULTI', ok], ['RESET', { type: 'simple', value: 'RESET' }]).at(-1), 'tabdis> ')
})
