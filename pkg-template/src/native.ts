// Replies in the engine's binary form → JavaScript's values. The form is in src/engine/reply.rs.
import { ReplyError } from './errors.js'
import { ascii, decode } from './text.js'

const scratch = new Uint8Array(8)
const scratchF64 = new Float64Array(scratch.buffer)

/** Reads replies one after the other. With `bytes`, byte strings stay bytes. */
export class NativeReader {
  constructor(
    readonly u8: Uint8Array,
    public at: number,
    readonly bytes: boolean,
  ) {}

  /** Returns the next reply. An error is returned, not thrown. */
  next(): unknown {
    const tag = this.u8[this.at++]
    switch (tag) {
      case 0x24: // $
        return this.blob(this.bytes)
      case 0x3a: // :
        return int((this.at += 8) - 8, this.u8)
      case 0x5f: // _
        return null
      case 0x2b: // +
        return this.blob(false)
      case 0x2d: // -
        return new ReplyError(this.blob(false) as string)
      case 0x2a: // *
      case 0x7e: // ~
      case 0x3e: // >
        return this.array(this.u32())
      case 0x25: // %
        return this.map(this.u32())
      case 0x2c: // ,
        return this.double()
      case 0x23: // #
        return this.u8[this.at++] === 1
      case 0x3d: // = and the format, as in `txt:`
        return this.bytes ? (this.blob(true) as Uint8Array).slice(4) : (this.blob(false) as string).slice(4)
      case 0x28: // (
        return BigInt(this.blob(false) as string)
      default:
        throw new Error(`unknown reply ${tag}`)
    }
  }

  private u32(): number {
    return u32((this.at += 4) - 4, this.u8)
  }

  private blob(bytes: boolean): string | Uint8Array {
    const n = this.u32()
    const at = this.at
    this.at += n
    return bytes ? this.u8.slice(at, at + n) : decode(this.u8, at, n)
  }

  private array(n: number): unknown[] {
    const out: unknown[] = []
    for (let i = 0; i < n; i++) out.push(this.next())
    return out
  }

  /** An object; pairs where the caller wants bytes, which cannot be names. */
  private map(n: number): unknown {
    if (this.bytes) return Array.from({ length: n }, () => [this.next(), this.next()])
    // Without a prototype, `__proto__` is a name like any other.
    const out = Object.create(null) as Record<string, unknown>
    for (let i = 0; i < n; i++) out[String(this.next())] = this.next()
    return out
  }

  private double(): number {
    for (let i = 0; i < 8; i++) scratch[i] = this.u8[this.at++]!
    return scratchF64[0]!
  }
}

/** Returns the reply at `at`, of `n` bytes; `odd`: it is not one ASCII string. Throws if it is an error. */
export function read(u8: Uint8Array, at: number, n: number, odd: boolean, bytes: boolean): unknown {
  switch (u8[at]) {
    case 0x24: {
      if (bytes) return u8.slice(at + 5, at + n)
      return odd ? decode(u8, at + 5, n - 5) : ascii(u8, at + 5, n - 5)
    }
    case 0x3a:
      return int(at + 1, u8)
    case 0x5f:
      return null
    case 0x2b:
      if (n === 7 && u8[at + 5] === 0x4f && u8[at + 6] === 0x4b) return 'OK'
  }
  const value = new NativeReader(u8, at, bytes).next()
  if (value instanceof ReplyError) throw value
  return value
}

function u32(at: number, u8: Uint8Array): number {
  return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0
}

/** A number where it is exact, else a bigint. */
function int(at: number, u8: Uint8Array): number | bigint {
  const low = u32(at, u8)
  const high = u32(at + 4, u8) | 0
  if (high === 0) return low
  const n = high * 0x1_0000_0000 + low
  return Number.isSafeInteger(n) ? n : (BigInt(high) << 32n) | BigInt(low)
}
