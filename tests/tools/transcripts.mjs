// The transcripts of tests/transcripts on the package: read here, run in Node or in a page.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { formatRaw, formatReply, printsRaw } from '../../www/js/reply.js'
import { splitLine } from '../../www/js/line.js'
import { root } from './process.mjs'

/** Cases that say something of a server that the package is not, and why. What holds no more fails. */
const LEFT_OUT = [
  [/^DEBUG /, 'DEBUG needs a permission, and a page gives none'],
]

const isStep = (line) => line.startsWith('>') || /^@\d+ <$/.test(line)
const isPause = (line) => line === '' || line.startsWith('#')

/** All cases: `{ title, place, leftOut, steps }`. The format is described in tests/common/transcript.rs. */
export function readCases() {
  const folder = join(root, 'tests/transcripts')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .flatMap((name) => parse(name, readFileSync(join(folder, name), 'utf8')))
}

function parse(name, text) {
  const lines = text.split('\n').map((line) => line.trimEnd())
  const cases = []
  for (let at = 0; at < lines.length; at++) {
    if (lines[at].startsWith('===')) {
      cases.push({ title: `${name.slice(0, -4)}: ${lines[at].slice(3).trim().replace(/^~ /, '')}`, steps: [] })
    } else if (isStep(lines[at])) {
      const step = { place: `${name}:${at + 1}`, line: lines[at], ...action(lines[at]) }
      const end = replyEnd(lines, at + 1, step)
      step.reply = lines.slice(at + 1, end).join('\n').replace(/^~ /, '')
      cases.at(-1).steps.push(step)
      at = end - 1
    }
  }
  for (const each of cases) {
    const typed = each.steps.map(({ args }) => args?.join(' ') ?? '')
    each.leftOut = LEFT_OUT.find(([pattern]) => typed.some((line) => pattern.test(line.toUpperCase())))?.[1]
  }
  return cases
}

function action(line) {
  const [, number = '1', rest] = /^>?\s*(?:@(\d+) )?\s*(.*)$/.exec(line)
  const client = Number(number)
  const sleep = /^@sleep (\d+)$/.exec(rest)
  if (sleep) return { client, sleep: Number(sleep[1]) }
  return rest === '<' ? { client } : { client, args: splitLine(rest) }
}

function replyEnd(lines, from, { args }) {
  const raw = args && printsRaw(args)
  const starts = (line) => line.startsWith('===') || isStep(line)
  let end = from
  while (end < lines.length && !starts(lines[end]) && (raw || !isPause(lines[end]))) end++
  while (end > from && isPause(lines[end - 1])) end--
  return end
}

/**
 * Runs steps on a database of its own; returns what arrived at the acting client after each: `{ replies, closed }`. It uses nothing
 * but its arguments, so that a page can run it.
 */
export async function runSteps(steps, packageUrl) {
  const { open } = await import(packageUrl)
  const db = await open()
  const clients = new Map()
  const client = (number) => {
    if (clients.has(number)) return clients.get(number)
    const session = db.session()
    const state = { session, arrived: [], closed: false }
    session.onpush = (push) => state.arrived.push(push)
    session.onclose = () => (state.closed = true)
    clients.set(number, state)
    return state
  }
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const seen = []
  for (const { client: number, args, sleep } of steps) {
    if (sleep) {
      await pause(sleep)
      seen.push(null)
      continue
    }
    const state = client(number)
    if (args) {
      const bytes = args.map((arg) => (Array.isArray(arg) ? new Uint8Array(arg) : arg))
      // CLIENT REPLY makes it answer nothing, which still settles the promise.
      const arrives = (reply) => reply.type !== 'none' && state.arrived.push(reply)
      state.session.raw(bytes).then(arrives, () => {})
    }
    // Replies and pushes are delivered in turns of their own.
    for (let turn = 0; turn < 3; turn++) await pause(0)
    seen.push({ replies: state.arrived.splice(0), closed: state.closed })
  }
  await db.close()
  return seen
}

/** Steps as they cross to a page: bytes become arrays of numbers. */
export function portable(steps) {
  const plain = (arg) => (typeof arg === 'string' ? arg : Array.from(arg))
  return steps.map(({ client, args, sleep }) => ({ client, sleep, args: args?.map(plain) }))
}

/** What redis-cli would print for what a step saw. */
export function printed({ replies, closed }, args) {
  if (replies.length === 0) return closed ? '(closed)' : '(blocked)'
  const text = (reply) => {
    const print = args && printsRaw(args) && reply.type === 'bulk' && reply.value.length ? formatRaw : formatReply
    return print(reply).tokens.map(([, part]) => part).join('')
  }
  return replies
    .map(text)
    .join('\n')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd()
}

/** A reply without the number of its client: the package has one of its own before any session. */
function sameClient(text) {
  return text.replace(/("id" => \(integer\)) \d+/, '$1 n')
}

/** Throws with all steps that were answered otherwise than the transcript says. */
export function judge({ steps }, seen) {
  const wrong = steps.flatMap((step, at) => {
    const got = seen[at] && printed(seen[at], step.args)
    return got === null || sameClient(got) === sameClient(step.reply) ? [] : [`${step.place}: ${step.line}\n expected\n${step.reply}\n but got\n${got}`]
  })
  if (wrong.length) throw new Error(wrong.join('\n\n'))
}
