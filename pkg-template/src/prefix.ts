// Names of keys that all begin with the same text: put before those that go in, taken from those that come out.
import type { Word } from './args.js'
import type { Core, Queued } from './core.js'
import { ReplyError } from './errors.js'

/** Bits before the places of keys, as src/wasm/live.rs has them. */
export const [READS, NAMELESS] = [1, 2]

/** Replies whose first element is the name of a key. */
const keyFirst = new Set(['blpop', 'brpop', 'bzpopmin', 'bzpopmax', 'lmpop', 'blmpop', 'zmpop', 'bzmpop'])

/** Returns bits, and the places of the keys of a command among its words, the name first; nothing of what is no command. */
export function keysOf(core: Core, name: string, words: readonly Word[]): ArrayLike<number> | undefined {
  // Keys are found by what stands before them, which is text.
  const texts = [name, ...words.map((word) => (typeof word === 'string' ? word : ''))]
  return core.guard(() => core.host.keysOf(texts)) as ArrayLike<number> | undefined
}

export class Prefix {
  /** As a pattern that matches it and nothing else. */
  readonly pattern: string

  constructor(
    private readonly core: Core,
    readonly text: string,
  ) {
    this.pattern = text.replace(/[\\*?[\]]/g, '\\$&')
  }

  /** Returns the command with its keys prefixed. Throws if it is about all keys there are. */
  apply({ name, row, words }: Queued): Queued {
    const found = keysOf(this.core, name, words)
    if (!found) return { name, row, words }
    const lower = name.toLowerCase()
    const out = [...words]
    if (found[0]! & NAMELESS) this.all(lower, out)
    for (let i = 1; i < found.length; i++) {
      const at = found[i]! - 1
      out[at] = this.before(out[at]!)
    }
    if (lower === 'sort' || lower === 'sort_ro') {
      out.forEach((word, i) => {
        const pattern = i > 1 && /^(by|get)$/i.test(String(words[i - 1])) && String(word).includes('*')
        if (pattern) out[i] = this.before(word)
      })
    }
    return { name, row, words: out }
  }

  /** Returns the reply of `name` without the prefix in the names of its keys. */
  strip(name: string, reply: unknown): unknown {
    if (typeof reply !== 'object' || reply === null) return reply
    const lower = name.toLowerCase()
    const list = reply as unknown[]
    if (keyFirst.has(lower)) return [this.without(list[0]), ...list.slice(1)]
    if (lower === 'keys') return list.map((key) => this.without(key))
    if (lower === 'scan') return [list[0], (list[1] as unknown[]).map((key) => this.without(key))]
    if (lower !== 'xread' && lower !== 'xreadgroup') return reply
    if (Array.isArray(reply)) return list.map((pair) => [this.without((pair as unknown[])[0]), (pair as unknown[])[1]])
    const streams = Object.entries(reply).map(([key, entries]) => [this.without(key), entries] as const)
    return Object.assign(Object.create(null), Object.fromEntries(streams))
  }

  before(key: Word): Word {
    if (typeof key === 'string') return this.text + key
    const head = new TextEncoder().encode(this.text)
    const out = new Uint8Array(head.length + key.length)
    out.set(head)
    out.set(key, head.length)
    return out
  }

  without(key: unknown): unknown {
    if (typeof key === 'string') return key.startsWith(this.text) ? key.slice(this.text.length) : key
    return key instanceof Uint8Array ? key.slice(new TextEncoder().encode(this.text).length) : key
  }

  private all(name: string, words: Word[]): void {
    if (name === 'keys') words[0] = this.pattern + String(words[0] ?? '')
    else if (name === 'scan') {
      const at = words.findIndex((word, i) => i > 0 && String(word).toLowerCase() === 'match') + 1
      if (at) words[at] = this.pattern + String(words[at] ?? '')
      else words.push('MATCH', `${this.pattern}*`)
    } else throw new ReplyError(`ERR '${name}' is about all keys, not only those of the namespace '${this.text}'`)
  }
}
