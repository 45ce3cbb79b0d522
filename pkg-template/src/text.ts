// Strings into and out of bytes, the fastest way for each length. Exact for every code point.

const encoder = new TextEncoder()
// A byte-order mark is a character like any other.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

type Slice = (this: Uint8Array, start: number, end: number) => string

/** Node's own decoders: of ASCII, and of UTF-8. */
const node = (globalThis as { Buffer?: { prototype: { latin1Slice?: Slice; utf8Slice?: Slice } } }).Buffer?.prototype
const latin1 = node?.latin1Slice
const utf8 = node?.utf8Slice

/** Up to here a loop over the characters is faster than the platform's encoder. */
const SHORT = 64

/** Writes `text` at `at` and returns its length in bytes, −1 if there might not be room up to `end`. */
export function encode(text: string, u8: Uint8Array, at: number, end: number): number {
  const n = text.length
  if (n <= SHORT && at + n <= end) {
    let i = 0
    for (; i < n; i++) {
      const c = text.charCodeAt(i)
      if (c > 127) break
      u8[at + i] = c
    }
    if (i === n) return n
  }
  if (at + 3 * n > end) return -1
  return encoder.encodeInto(text, u8.subarray(at, end)).written
}

/** Returns the text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD. */
export function decode(u8: Uint8Array, at: number, n: number): string {
  if (n <= 32) {
    let odd = 0
    for (let i = at; i < at + n; i++) odd |= u8[i]!
    if (odd < 128) return ascii(u8, at, n)
  } else if (utf8) return utf8.call(u8, at, at + n)
  return decoder.decode(u8.subarray(at, at + n))
}

/** Returns the text of bytes if they are UTF-8, else a copy of the bytes: nothing is lost. */
export function textOrBytes(u8: Uint8Array): string | Uint8Array {
  try {
    return strict.decode(u8)
  } catch {
    return u8.slice()
  }
}

const f = String.fromCharCode

/** Returns the text of bytes that are all below 128. */
export function ascii(u: Uint8Array, p: number, n: number): string {
  if (n > 16) {
    if (n <= 32) return ascii(u, p, 16) + ascii(u, p + 16, n - 16)
    return latin1 ? latin1.call(u, p, p + n) : decoder.decode(u.subarray(p, p + n))
  }
  // As many arguments as characters: V8 makes one string of them without an array between.
  switch (n) {
    case 1:
      return f(u[p]!)
    case 2:
      return f(u[p]!, u[p + 1]!)
    case 3:
      return f(u[p]!, u[p + 1]!, u[p + 2]!)
    case 4:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!)
    case 5:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!)
    case 6:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!)
    case 7:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!)
    case 8:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!, u[p + 7]!)
    case 9:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!, u[p + 7]!, u[p + 8]!)
    case 10:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!, u[p + 7]!, u[p + 8]!, u[p + 9]!)
    case 11:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!, u[p + 7]!, u[p + 8]!, u[p + 9]!, u[p + 10]!)
    case 12:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!, u[p + 7]!, u[p + 8]!, u[p + 9]!, u[p + 10]!, u[p + 11]!)
    case 13:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!, u[p + 7]!, u[p + 8]!, u[p + 9]!, u[p + 10]!, u[p + 11]!, u[p + 12]!)
    case 14:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!, u[p + 7]!, u[p + 8]!, u[p + 9]!, u[p + 10]!, u[p + 11]!, u[p + 12]!, u[p + 13]!)
    case 15:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!, u[p + 7]!, u[p + 8]!, u[p + 9]!, u[p + 10]!, u[p + 11]!, u[p + 12]!, u[p + 13]!, u[p + 14]!)
    case 16:
      return f(u[p]!, u[p + 1]!, u[p + 2]!, u[p + 3]!, u[p + 4]!, u[p + 5]!, u[p + 6]!, u[p + 7]!, u[p + 8]!, u[p + 9]!, u[p + 10]!, u[p + 11]!, u[p + 12]!, u[p + 13]!, u[p + 14]!, u[p + 15]!)
    default:
      return ''
  }
}
