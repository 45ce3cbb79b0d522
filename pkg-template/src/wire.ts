// RESP2 and RESP3, as sessions speak them → typed replies.
import { ReplyError } from './errors.js'
import { textOrBytes } from './text.js'

/**
 * A reply with its type. `bulk` is text where the bytes are UTF-8, else the bytes. `nullarray` is RESP2's `*-1`,
 * `none` is no reply at all (after CLIENT REPLY OFF).
 * The value of a map is its pairs.
 */
export type RawReply =
  | { type: 'simple' | 'error' | 'bignumber'; value: string }
  | { type: 'integer'; value: number | bigint }
  | { type: 'double'; value: number }
  | { type: 'boolean'; value: boolean }
  | { type: 'bulk' | 'verbatim'; value: string | Uint8Array }
  | { type: 'null' | 'nullarray' | 'none'; value: null }
  | { type: 'array' | 'set' | 'push'; value: RawReply[] }
  | { type: 'map'; value: [RawReply, RawReply][] }

/** Returns the replies that `bytes` holds, which must be whole. */
export function parse(bytes: Uint8Array): RawReply[] {
  const reader = new WireReader(bytes)
  const replies: RawReply[] = []
  while (reader.at < bytes.length) replies.push(reader.next())
  return replies
}

class WireReader {
  at = 0

  constructor(readonly u8: Uint8Array) {}

  next(): RawReply {
    const tag = String.fromCharCode(this.u8[this.at++]!)
    const line = this.line()
    const n = Number(line)
    switch (tag) {
      case '+':
        return { type: 'simple', value: line }
      case '-':
        return { type: 'error', value: line }
      case ':':
        return { type: 'integer', value: Number.isSafeInteger(n) ? n : BigInt(line) }
      case '$':
        return n < 0 ? { type: 'null', value: null } : { type: 'bulk', value: textOrBytes(this.take(n)) }
      case '*':
        return n < 0 ? { type: 'nullarray', value: null } : { type: 'array', value: this.many(n) }
      case '_':
        return { type: 'null', value: null }
      case ',':
        return { type: 'double', value: line === 'inf' ? Infinity : line === '-inf' ? -Infinity : n }
      case '#':
        return { type: 'boolean', value: line === 't' }
      case '=':
        return { type: 'verbatim', value: textOrBytes(this.take(n).subarray(4)) }
      case '(':
        return { type: 'bignumber', value: line }
      case '~':
        return { type: 'set', value: this.many(n) }
      case '>':
        return { type: 'push', value: this.many(n) }
      case '%':
        return { type: 'map', value: Array.from({ length: n }, () => [this.next(), this.next()]) }
      default:
        throw new Error(`unknown reply ${tag}`)
    }
  }

  private many(n: number): RawReply[] {
    return Array.from({ length: n }, () => this.next())
  }

  private line(): string {
    const end = this.u8.indexOf(13, this.at)
    const text = textOrBytes(this.u8.subarray(this.at, end))
    this.at = end + 2
    return typeof text === 'string' ? text : new TextDecoder().decode(text)
  }

  private take(n: number): Uint8Array {
    const bytes = this.u8.subarray(this.at, this.at + n)
    this.at += n + 2
    return bytes
  }
}

/** Returns what commands return for `reply`. Throws if it is an error; errors inside are returned in their places. */
export function plain(reply: RawReply): unknown {
  const value = inner(reply)
  if (value instanceof ReplyError) throw value
  return value
}

function inner(reply: RawReply): unknown {
  switch (reply.type) {
    case 'error':
      return new ReplyError(reply.value)
    case 'bignumber':
      return BigInt(reply.value)
    case 'array':
    case 'set':
    case 'push':
      return reply.value.map(inner)
    case 'map': {
      const out = Object.create(null) as Record<string, unknown>
      for (const [key, value] of reply.value) out[String(inner(key))] = inner(value)
      return out
    }
    case 'bulk':
    case 'verbatim':
      return typeof reply.value === 'string' ? reply.value : new TextDecoder().decode(reply.value)
    default:
      return reply.value
  }
}
