/// <reference lib="esnext.disposable" preserve="true" />
// Values that are told anew when they change. The engine notes what a query has read; nothing is asked again and again.
import { SyncClient, type SyncCommands } from './client.js'
import type { Core, Listener } from './core.js'
import { words } from './args.js'
import { EngineDead } from './errors.js'
import { READS, keysOf, type Prefix } from './prefix.js'
import type { Key } from './types.js'

/** Ends a live query. */
export interface Stop extends Disposable {
  (): void
}

/** Reads values, and is called again when a key that it read has changed. */
export type Query<T> = (read: SyncCommands) => T

/** The names of the keys that match. */
export interface PatternQuery {
  pattern: string
}

/** The value of a key by its type: a string; an object of a hash; an array of a list, set, sorted set or stream; a document; null. */
export type LiveValue = string | null | { [field: string]: string } | string[] | [member: string, score: number][] | [id: string, fields: string[]][] | JsonValue
/** What a JSON document can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }

/** Where a live query is asked: as which session, with which prefix of keys. */
interface Place {
  readonly core: Core
  readonly connection: number
  readonly prefix?: Prefix | undefined
}

/** Starts a live query: `callback` is told its value in the next microtask, and again whenever that has changed. */
export function live(place: Place, query: Key | PatternQuery | Query<unknown>, callback: (value: never) => void): Stop {
  const tell = callback as (value: unknown) => void
  const running = isPattern(query) ? new Names(place, query.pattern, tell) : new Reading(place, typeof query === 'function' ? query : (read) => valueOf(read, query), tell)
  const stop = () => running.close()
  return Object.assign(stop, { [Symbol.dispose]: stop })
}

/** Returns what a live query would be told now. */
export function peek(read: SyncClient, query: Key | PatternQuery | Query<unknown>): unknown {
  if (isPattern(query)) return read.keys(query.pattern).sort()
  return typeof query === 'function' ? query(read) : valueOf(read, query)
}

function isPattern(query: Key | PatternQuery | Query<unknown>): query is PatternQuery {
  return typeof query === 'object' && 'pattern' in query
}

/** What the kinds of queries have in common: a session that is told nothing, but for which is noted what changed. */
abstract class Running implements Listener {
  protected readonly read: SyncClient
  private readonly session: number
  private closed = false
  private queued = false
  private told = false
  private last: unknown

  constructor(
    protected readonly place: Place,
    private readonly pattern: string,
    prefix: string | undefined,
    private readonly callback: (value: unknown) => void,
  ) {
    const { core, connection } = place
    this.session = core.guard(() => core.host.openQuery(connection, prefix, core.now()))
    core.listeners.set(this.session, this)
    this.read = new Reader(core, { id: this.session }, false, place.prefix)
    this.receive()
  }

  /** Something is to be looked at when this turn has ended. */
  receive(): void {
    if (this.queued) return
    this.queued = true
    queueMicrotask(() => this.look())
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.last = undefined
    this.place.core.close(this.session)
  }

  /** Returns the value after `news`: changed keys, each after + if it is there now, after - if not; nothing if all may have changed. */
  protected abstract value(news: string[] | undefined): unknown

  private look(): void {
    this.queued = false
    if (this.closed) return
    const { core } = this.place
    try {
      const news = core.turn(() => core.host.queryNews(this.session, this.pattern, core.now()))
      const value = this.value(this.told ? news : undefined)
      if (this.told && same(value, this.last)) return
      this.told = true
      this.last = value
      this.callback(value)
    } catch (error) {
      // One that fails leaves the others alone, and is asked again when something changes.
      if (!(error instanceof EngineDead)) core.report(error)
    }
  }
}

/** A function of what it reads. */
class Reading extends Running {
  constructor(
    place: Place,
    private readonly query: Query<unknown>,
    callback: (value: unknown) => void,
  ) {
    super(place, '', undefined, callback)
  }

  protected value(): unknown {
    return this.query(this.read)
  }
}

/** The names of keys. Only those that came or went are looked at. */
class Names extends Running {
  private readonly names = new Set<string>()
  private readonly own: string
  private sorted: string[] = []

  constructor(place: Place, pattern: string, callback: (value: unknown) => void) {
    const full = (place.prefix?.pattern ?? '') + pattern
    super(place, full, literal(full), callback)
    this.own = pattern
  }

  protected value(news: string[] | undefined): string[] {
    const { names } = this
    const before = names.size
    let moved = !news
    if (!news) {
      names.clear()
      // Not by its own session's client, which reads only keys that it names.
      const { core, prefix } = this.place
      const all = new SyncClient(core, this.read.line, false, prefix)
      for (const name of all.keys(this.own)) names.add(name)
    }
    for (const item of news ?? []) {
      const name = this.place.prefix ? (this.place.prefix.without(item.slice(1)) as string) : item.slice(1)
      if (item[0] === '+') names.add(name)
      else moved = names.delete(name) || moved
    }
    // An array of its own each time: the last one is the caller's.
    if (moved || names.size !== before) this.sorted = [...names].sort()
    return this.sorted
  }
}

/** Commands that only read, and name what they read: only of these is known when to read again. */
class Reader extends SyncClient {
  override invoke(row: number, name: string, args: IArguments, a: unknown, b: unknown, c: unknown): unknown {
    this.check(name, args)
    return super.invoke(row, name, args, a, b, c)
  }

  override invokeNamed(name: string, args: unknown[]): unknown {
    this.check(name, args)
    return super.invokeNamed(name, args)
  }

  private check(name: string, args: ArrayLike<unknown>): void {
    const found = keysOf(this.core, name, words(name.toLowerCase(), args))
    if (!found) return
    if (!(found[0]! & READS)) throw new TypeError(`a live query only reads: '${name}' does more`)
    if (found.length === 1) throw new TypeError(`a live query reads keys that it names: '${name}' does not; for the names of keys there is live({ pattern })`)
  }
}

/** Returns the value of a key by its type. */
function valueOf(read: SyncCommands, key: Key): unknown {
  const type = read.type(key) as string
  switch (type) {
    case 'none':
      return null
    case 'string':
      return read.get(key)
    case 'hash':
      return read.hgetall(key)
    case 'list':
      return read.lrange(key, 0, -1)
    case 'set':
      return read.smembers(key)
    case 'zset':
      return read.zrange(key, 0, -1, 'WITHSCORES')
    case 'stream':
      return read.xrange(key, '-', '+')
    case 'ReJSON-RL':
      return JSON.parse((read as unknown as { call(...args: unknown[]): string }).call('JSON.GET', key, '.'))
    default:
      throw new TypeError(`live has no value for a ${type}: give it a function that reads what you want of it`)
  }
}

/** What a pattern begins with that stands for itself. */
function literal(pattern: string): string {
  let out = ''
  for (let i = 0; i < pattern.length && !'*?['.includes(pattern[i]!); i++) {
    if (pattern[i] === '\\' && ++i === pattern.length) break
    out += pattern[i]
  }
  return out
}

/** Whether two values are the same, by what is in them. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false
  const proto = Object.getPrototypeOf(a) as unknown
  if (proto !== Object.getPrototypeOf(b)) return false
  if (Array.isArray(a) || a instanceof Uint8Array) {
    const [left, right] = [a, b] as [unknown[], unknown[]]
    return left.length === right.length && left.every((item, i) => same(item, right[i]))
  }
  // Of what has a class of its own it is not known what is in it.
  if (proto !== null && proto !== Object.prototype) return false
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same(a[name as never], b[name as never]))
}
