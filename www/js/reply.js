// Formats typed replies exactly as redis-cli prints them on a terminal.
//
// A reply is `{type, value}`: simple, error, integer, bulk, null, nullarray, array, map (value: pairs), set, push,
// double, boolean, verbatim or bignumber. Output is a list of `[kind, text]` tokens, so that a page can colour it and a
// test can join it.

/** Returns `{tokens, cut}`: the reply as redis-cli shows it, without the last newline, cut off after about `limit`
 * characters. With `utf8`, printable non-ASCII text stays readable where redis-cli would write `\xHH`. */
export function formatReply(reply, { limit = Infinity, utf8 = false } = {}) {
  const out = new Out(limit, utf8)
  put(out, reply, '')
  return { tokens: out.tokens, cut: out.full }
}

/** As `formatReply`, for the commands whose reply redis-cli prints raw (INFO, CLIENT LIST…). */
export function formatRaw(reply, { limit = Infinity } = {}) {
  const out = new Out(limit, true)
  putRaw(out, reply)
  return { tokens: out.tokens, cut: out.full }
}

/** Returns true if redis-cli prints the reply to `args` raw even on a terminal. */
export function printsRaw(args) {
  const [name, sub] = args.slice(0, 2).map((a) => String(a).toUpperCase())
  return RAW.has(name) || RAW.has(`${name} ${sub}`)
}

/** Returns redis-cli's line for a push that no command asked for: messages as arrays, invalidations as `-> invalidate`. */
export function formatPush(reply, options) {
  const items = Array.isArray(reply.value) ? reply.value : []
  if (items.length === 2 && textOf(items[0].value) === 'invalidate') {
    const keys = items[1].type === 'array' ? items[1].value.map((k) => `'${textOf(k.value)}'`).join(', ') : '(nil)'
    return { tokens: [['plain', `-> invalidate: ${keys}`]], cut: false }
  }
  return reply.type === 'simple' ? formatRaw(reply, options) : formatReply(reply, options)
}

/** Returns the text of a string reply; bytes that are not UTF-8 become U+FFFD. */
export function textOf(value) {
  if (typeof value === 'string') return value
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value)
}

/** Returns the bytes of a string reply. */
export function bytesOf(value) {
  return value instanceof Uint8Array ? value : new TextEncoder().encode(String(value))
}

/** Returns `value` in double quotes with redis-cli's escapes; stops after about `limit` characters. */
export function quoted(value, { utf8 = false, limit = Infinity } = {}) {
  if (utf8) {
    const text = strictText(value, limit)
    if (text !== null) return `"${text.replace(UNREADABLE, escapeCodePoint)}"`
  }
  const bytes = bytesOf(value)
  let out = '"'
  for (let i = 0; i < bytes.length && out.length < limit; i++) {
    const b = bytes[i]
    out += ESCAPES[b] ?? (b >= 0x20 && b <= 0x7e ? String.fromCharCode(b) : hex(b))
  }
  return out + '"'
}

const RAW = new Set([
  'INFO', 'LOLWUT', 'CLIENT LIST', 'CLIENT INFO', 'CLUSTER NODES', 'CLUSTER INFO', 'MEMORY DOCTOR', 'MEMORY MALLOC-STATS',
  'LATENCY DOCTOR', 'LATENCY GRAPH', 'DEBUG HTSTATS', 'DEBUG HTSTATS-KEY', 'DEBUG CLIENT-EVICTION', 'PROXY INFO',
])

const EMPTY = { array: '(empty array)', map: '(empty hash)', set: '(empty set)', push: '(empty push)' }

const ESCAPES = { 0x22: '\\"', 0x5c: '\\\\', 0x0a: '\\n', 0x0d: '\\r', 0x09: '\\t', 0x07: '\\a', 0x08: '\\b' }

// What would be invisible, move the text about or be taken for a quote, even when UTF-8 text is to stay readable.
const UNREADABLE = /["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

const hex = (b) => '\\x' + b.toString(16).padStart(2, '0')

function escapeCodePoint(c) {
  const code = c.codePointAt(0)
  if (ESCAPES[code]) return ESCAPES[code]
  return Array.from(new TextEncoder().encode(c), hex).join('')
}

function strictText(value, limit) {
  if (typeof value === 'string') return value.length > limit ? value.slice(0, limit) : value
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
  } catch {
    return null
  }
}

function put(out, reply, prefix) {
  if (out.full) return
  const { type, value } = reply
  switch (type) {
    case 'simple':
      return out.push('status', textOf(value))
    case 'error':
      return out.push('error', `(error) ${textOf(value)}`)
    case 'integer':
      return out.push('number', `(integer) ${value}`)
    case 'double':
      return out.push('number', `(double) ${double(value)}`)
    case 'bignumber':
      return out.push('number', `(big number) ${value}`)
    case 'boolean':
      return out.push('number', value ? '(true)' : '(false)')
    case 'null':
    case 'nullarray':
      return out.push('nil', '(nil)')
    case 'none':
      return
    case 'verbatim':
      return out.push('plain', textOf(value))
    case 'bulk':
      return out.push('string', quoted(value, { utf8: out.utf8, limit: out.room() }))
    case 'map':
    case 'array':
    case 'set':
    case 'push':
      return putItems(out, type, value, prefix)
    default:
      return out.push('plain', textOf(value))
  }
}

/** Numbered items; the first goes on the current line, the others under it, each indented by `prefix`. */
function putItems(out, type, items, prefix) {
  if (items.length === 0) return out.push('nil', EMPTY[type])
  const width = String(items.length).length
  const sign = type === 'set' ? '~' : type === 'map' ? '#' : ')'
  const inner = prefix + ' '.repeat(width + 2)
  for (let i = 0; i < items.length && !out.full; i++) {
    if (i > 0) out.push('plain', '\n' + prefix)
    out.push('index', `${String(i + 1).padStart(width)}${sign} `)
    if (type !== 'map') {
      put(out, items[i], inner)
      continue
    }
    const [key, item] = items[i]
    put(out, key, inner)
    out.push('index', ' => ')
    // A value of several lines starts on its own, so that its items line up.
    if (spansLines(item)) out.push('plain', '\n' + inner)
    put(out, item, inner)
  }
}

function spansLines({ type, value }) {
  if (!(type in EMPTY)) return false
  return value.length > 1 || (value.length === 1 && [value[0]].flat().some(spansLines))
}

function putRaw(out, reply) {
  if (Array.isArray(reply.value)) {
    reply.value.flat().forEach((item, i) => {
      if (i > 0) out.push('plain', '\n')
      putRaw(out, item)
    })
  } else if (reply.type === 'error') {
    out.push('error', `(error) ${textOf(reply.value)}`)
  } else if (reply.type !== 'null' && reply.type !== 'nullarray') {
    out.push('plain', textOf(reply.value).replace(/\r\n/g, '\n').replace(/\n$/, ''))
  }
}

function double(value) {
  if (value === Infinity) return 'inf'
  if (value === -Infinity) return '-inf'
  if (typeof value === 'number' && Number.isNaN(value)) return 'nan'
  return Object.is(value, -0) ? '-0' : String(value)
}

/** Collects tokens up to a limit of characters. */
class Out {
  tokens = []
  length = 0
  full = false

  constructor(limit, utf8) {
    this.limit = limit
    this.utf8 = utf8
  }

  room() {
    return this.limit - this.length + 1
  }

  push(kind, text) {
    if (this.full) return
    const fits = this.length + text.length <= this.limit
    const part = fits ? text : text.slice(0, Math.max(0, this.limit - this.length))
    this.full = !fits
    this.length += part.length
    if (part) this.tokens.push([kind, part])
  }
}
