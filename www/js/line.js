// Splits a typed line into arguments by redis-cli's quoting rules.

/** Returns the arguments of `line`, or null if a quote is left open or a closing quote is followed by more text.
 * An argument is a string, or a Uint8Array when it holds a byte (`"\xff"`) that no string could carry as UTF-8. */
export function splitLine(line) {
  const args = []
  let at = 0
  for (;;) {
    while (at < line.length && isSpace(line[at])) at++
    if (at >= line.length) return args
    const word = readWord(line, at)
    if (!word) return null
    args.push(word.value)
    at = word.end
  }
}

/** Splits off redis-cli's repeat prefix (`5 INCR hits`). Returns how often to run which arguments. */
export function splitRepeat(args) {
  if (args.length > 1 && typeof args[0] === 'string' && /^[1-9]\d{0,8}$/.test(args[0])) {
    return { times: Number(args[0]), args: args.slice(1) }
  }
  return { times: 1, args }
}

/** Returns `text` as one word of a line: bare where that is safe, else in double quotes. */
export function quoteWord(text) {
  if (text !== '' && /^[^\s"'\\\x00-\x1f\x7f]+$/.test(text)) return text
  const escaped = text.replace(/["\\]/g, '\\$&').replace(/[\x00-\x1f\x7f]/g, (c) => {
    const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\x07': '\\a' }[c]
    return short ?? '\\x' + c.charCodeAt(0).toString(16).padStart(2, '0')
  })
  return `"${escaped}"`
}

const SHORT_ESCAPES = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }

const isSpace = (c) => c === ' ' || (c >= '\t' && c <= '\r')

function readWord(line, start) {
  const word = new Word()
  let at = start
  while (at < line.length && !isSpace(line[at])) {
    const c = line[at]
    if (c === '"' || c === "'") {
      at = c === '"' ? readDouble(line, at + 1, word) : readSingle(line, at + 1, word)
      // A closing quote ends the word; anything but a space after it is a mistake.
      if (at < 0 || (at < line.length && !isSpace(line[at]))) return null
    } else {
      word.text += c
      at++
    }
  }
  return { value: word.finish(), end: at }
}

/** Reads up to the closing double quote into `word`. Returns the place after it, or -1 if there is none. */
function readDouble(line, start, word) {
  let at = start
  while (at < line.length) {
    const c = line[at]
    if (c === '"') return at + 1
    if (c !== '\\' || at + 1 >= line.length) {
      word.text += c
      at++
      continue
    }
    const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(at + 1, at + 4))
    if (hex) {
      word.pushByte(parseInt(hex[1], 16))
      at += 4
    } else {
      const next = line[at + 1]
      word.text += SHORT_ESCAPES[next] ?? next
      at += 2
    }
  }
  return -1
}

/** Reads up to the closing single quote into `word`; only `\'` is an escape here. Returns the place after it, or -1. */
function readSingle(line, start, word) {
  let at = start
  while (at < line.length) {
    if (line[at] === "'") return at + 1
    if (line[at] === '\\' && line[at + 1] === "'") at++
    word.text += line[at]
    at++
  }
  return -1
}

/** Collects a word; turns from text to bytes at the first byte above 0x7f. */
class Word {
  text = ''
  parts = null

  pushByte(byte) {
    if (byte < 0x80) {
      this.text += String.fromCharCode(byte)
      return
    }
    this.parts ??= []
    this.parts.push(new TextEncoder().encode(this.text), Uint8Array.of(byte))
    this.text = ''
  }

  finish() {
    if (!this.parts) return this.text
    this.parts.push(new TextEncoder().encode(this.text))
    const bytes = new Uint8Array(this.parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of this.parts) {
      bytes.set(part, at)
      at += part.length
    }
    return bytes
  }
}
