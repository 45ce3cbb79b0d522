// Reads what the view of the keyspace shows, with ordinary commands of one client; every read is bounded.

import { bytesOf, textOf } from './reply.js'

/** How many rows are shown, how much of a value, and how many SCAN calls one reading may take. */
export const ROWS = 200
export const ITEMS = 100
const TEXT_BYTES = 4096
const COMPONENTS = 8
const SCAN_COUNT = 500
const MAX_SCANS = 40

const SIZE = { string: ['STRLEN', 'bytes'], list: ['LLEN', 'items'], hash: ['HLEN', 'fields'], set: ['SCARD', 'members'], zset: ['ZCARD', 'members'], stream: ['XLEN', 'entries'], vectorset: ['VCARD', 'members'] }

/** The client behind the view. */
export class KeyReader {
  db = 0

  constructor(client) {
    this.client = client
  }

  /** Asks to be told which keys change (client-side caching in broadcast mode). Returns false if the engine cannot. */
  async track() {
    await this.client.raw(['CLIENT', 'NO-TOUCH', 'ON'])
    const hello = await this.client.raw(['HELLO', '3'])
    if (hello.type === 'error') return false
    return (await this.client.raw(['CLIENT', 'TRACKING', 'ON', 'BCAST'])).type !== 'error'
  }

  /** Returns `{rows, total, more}`: at most `ROWS` keys of `db` that match the glob `pattern`. */
  async read(db, pattern = '*') {
    await this.#select(db)
    const total = Number((await this.#ask('DBSIZE')).value)
    const { keys, more } = await this.#scan(pattern)
    const now = Date.now()
    const rows = await Promise.all([...keys.values()].map((key) => this.#row(key, now)))
    return { rows: rows.filter(Boolean).sort(byName), total, more }
  }

  /** Returns how many keys each database holds, by its number. */
  async databases() {
    const text = textOf((await this.#ask('INFO', 'keyspace')).value ?? '')
    return new Map([...text.matchAll(/^db(\d+):keys=(\d+)/gm)].map(([, db, keys]) => [Number(db), Number(keys)]))
  }

  /** Returns `{row, kind, total, items, memory}` of a key: text, or items as `[label, value]` or `[value]`; null if it is gone. */
  async value(db, key) {
    await this.#select(db)
    const row = await this.#row(key, Date.now())
    if (!row) return null
    const memory = await this.#ask('MEMORY', 'USAGE', key)
    const read = READ[row.type]
    const { items = [], text } = read ? await read((...args) => this.#ask(...args), key, row.size) : {}
    return { row, items, text, known: Boolean(read), memory: memory.type === 'integer' ? Number(memory.value) : null }
  }

  async #select(db) {
    if (db === this.db) return
    const reply = await this.client.raw(['SELECT', String(db)])
    if (reply.type === 'error') throw new Error(textOf(reply.value))
    this.db = db
  }

  async #scan(pattern) {
    const keys = new Map()
    let cursor = '0'
    for (let i = 0; i < MAX_SCANS; i++) {
      const reply = await this.#ask('SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_COUNT))
      if (reply.type === 'error') throw new Error(textOf(reply.value))
      cursor = textOf(reply.value[0].value)
      for (const { value } of reply.value[1].value) {
        if (keys.size === ROWS) return { keys, more: true }
        keys.set(idOf(value), value)
      }
      if (cursor === '0') return { keys, more: false }
    }
    return { keys, more: true }
  }

  /** Returns a key's row, or null if it went meanwhile. */
  async #row(key, now) {
    const type = textOf((await this.#ask('TYPE', key)).value)
    if (type === 'none') return null
    const [sizeCommand, unit] = SIZE[type] ?? []
    const [ttl, encoding, size] = await Promise.all([
      this.#ask('PTTL', key),
      this.#ask('OBJECT', 'ENCODING', key),
      sizeCommand ? this.#ask(sizeCommand, key) : null,
    ])
    if (Number(ttl.value) === -2) return null
    return {
      id: idOf(key),
      key,
      type,
      expiresAt: Number(ttl.value) >= 0 ? now + Number(ttl.value) : null,
      encoding: encoding.type === 'bulk' ? textOf(encoding.value) : '',
      size: size?.type === 'integer' ? Number(size.value) : null,
      unit,
    }
  }

  #ask(...args) {
    return this.client.raw(args)
  }
}

/** How to read the beginning of each type; `size` is what the row said. */
const READ = {
  async string(ask, key) {
    return { text: (await ask('GETRANGE', key, '0', String(TEXT_BYTES - 1))).value }
  },
  async list(ask, key) {
    return { items: values(await ask('LRANGE', key, '0', String(ITEMS - 1))).map((value, i) => [String(i), value]) }
  },
  async hash(ask, key) {
    return { items: pairs((await ask('HSCAN', key, '0', 'COUNT', String(ITEMS))).value?.[1]).slice(0, ITEMS) }
  },
  async set(ask, key) {
    const reply = await ask('SSCAN', key, '0', 'COUNT', String(ITEMS))
    return { items: values(reply.value?.[1]).slice(0, ITEMS).map((value) => [value]) }
  },
  async zset(ask, key) {
    return { items: pairs(await ask('ZRANGE', key, '0', String(ITEMS - 1), 'WITHSCORES')) }
  },
  async 'ReJSON-RL'(ask, key) {
    const text = textOf((await ask('JSON.GET', key, 'INDENT', '  ', 'NEWLINE', '\n', 'SPACE', ' ', '.')).value ?? '')
    return { text: text.length > TEXT_BYTES ? `${text.slice(0, TEXT_BYTES)} …` : text }
  },
  async vectorset(ask, key) {
    const members = values(await ask('VRANGE', key, '-', '+', String(ITEMS)))
    return { items: await Promise.all(members.map(async (member) => [member, await ask('VEMB', key, member).then(components)])) }
  },
  async stream(ask, key) {
    const entries = values(await ask('XREVRANGE', key, '+', '-', 'COUNT', String(ITEMS)))
    return { items: entries.map(([id, fields]) => [id.value, pairs(fields).flat()]) }
  },
}

/** The first components of a vector, as text. */
function components(reply) {
  const shown = values(reply).slice(0, COMPONENTS).map((value) => Number(textOf(value)).toPrecision(4))
  return shown.join(' ') + (reply.value?.length > COMPONENTS ? ' …' : '')
}

/** Returns the members of an array reply; nested arrays come as their replies. */
function values(reply) {
  return Array.isArray(reply?.value) ? reply.value.map(({ value }) => value) : []
}

/** Returns `[a, b]` pairs from a map, an array of pairs (RESP3), or a flat array (RESP2). */
function pairs(reply) {
  if (!Array.isArray(reply?.value)) return []
  if (reply.type === 'map') return reply.value.map(([a, b]) => [a.value, b.value])
  if (Array.isArray(reply.value[0]?.value)) return reply.value.map(({ value: [a, b] }) => [a.value, b.value])
  const flat = values(reply)
  return Array.from({ length: flat.length >> 1 }, (_, i) => [flat[2 * i], flat[2 * i + 1]])
}

/** Returns a string that is the same for the same bytes, whichever way they came. */
export function idOf(key) {
  return typeof key === 'string' ? key : Array.from(bytesOf(key), (b) => String.fromCharCode(b)).join('') + '\0bytes'
}

const collator = new Intl.Collator('en', { numeric: true })

function byName(a, b) {
  return collator.compare(textOf(a.key), textOf(b.key)) || (a.id < b.id ? -1 : 1)
}
