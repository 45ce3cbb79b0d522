/// <reference lib="esnext.disposable" preserve="true" />
// Commands on a database or a part of it, and what is made of several of them.
import { AsyncClient, Chain, SyncClient, type AbortableCommands, type AsyncCommands, type BytesCommands, type Chained, type Line } from './client.js'
import type { Core, Queued } from './core.js'
import { ReplyError } from './errors.js'
import { parseInfo, type Info } from './info.js'
import { live, peek, type LiveValue, type PatternQuery, type Query, type Stop } from './live.js'
import { Prefix } from './prefix.js'
import type { Key } from './types.js'

/** What an iteration over keys, fields or members is about. */
export interface ScanOptions {
  /** Only those whose name matches this pattern. */
  match?: string
  /** About how many are fetched at once. */
  count?: number
}

/** Those that are methods of their own here: `multi()` collects, `info()` is parsed, `select()` is a view, `reset()` begins anew, `sync` has a better use. */
type Own = 'info' | 'multi' | 'psubscribe' | 'reset' | 'select' | 'ssubscribe' | 'subscribe' | 'sync'

export interface View extends Omit<AsyncCommands, Own | keyof AbortableCommands>, AbortableCommands {}

export class View extends AsyncClient {
  /** The same commands, answering at once. */
  readonly sync: SyncClient
  /** The same commands, answering with bytes instead of strings. */
  readonly bytes: AsyncClient & BytesCommands

  /** @internal */
  constructor(
    core: Core,
    line: Line,
    prefix?: Prefix,
    /** The sessions of other databases. @internal */
    readonly lines = new Map<number, Line>(),
  ) {
    super(core, line, false, prefix)
    this.sync = new SyncClient(core, line, false, prefix)
    this.bytes = new AsyncClient(core, line, true, prefix) as AsyncClient & BytesCommands
  }

  /** Starts a transaction: commands are collected, `exec` runs them at once and in one crossing. */
  multi(): Chained<[]> {
    return new Chain(this, true) as unknown as Chained<[]>
  }

  /** Collects commands that `exec` runs in one crossing. */
  pipeline(): Chained<[]> {
    return new Chain(this, false) as unknown as Chained<[]>
  }

  /**
   * A view whose keys begin with `prefix`: it goes before those of commands, and is taken off those of replies. Channels are not
   * keys. Commands about all keys are refused, but for KEYS and SCAN.
   */
  namespace(prefix: string): View {
    return new View(this.core, this.line, new Prefix(this.core, (this.prefix?.text ?? '') + prefix), this.lines)
  }

  /** The same commands on database `n`, in a session of its own that all views of it share. Fails if there is none of that number. */
  select(n: number): View {
    const line = this.lines.get(n) ?? this.dial(n)
    return new View(this.core, line, this.prefix, this.lines)
  }

  /** Opens a session in database `n`, or opens it anew. @internal */
  dial(n: number): Line {
    const line = this.lines.get(n) ?? { id: -1 }
    line.id = this.core.open(`db${n}`, 0)
    try {
      new SyncClient(this.core, line, false).call('SELECT', n)
    } catch (error) {
      this.core.close(line.id)
      throw error
    }
    this.lines.set(n, line)
    return line
  }

  /**
   * Calls back with a value, and again whenever it has changed, in whatever tab, until the function returned is called. The value is that
   * of a key, by its type; the sorted names of the keys that match a pattern; or what a function makes of what it reads.
   */
  live<T extends LiveValue = LiveValue>(key: Key, callback: (value: T) => void): Stop
  live(query: PatternQuery, callback: (names: string[]) => void): Stop
  live<T>(query: Query<T>, callback: (value: T) => void): Stop
  live(query: Key | PatternQuery | Query<unknown>, callback: (value: never) => void): Stop {
    return live(this, query, callback)
  }

  /** What `live` would say now. */
  peek<T extends LiveValue = LiveValue>(key: Key): T
  peek(query: PatternQuery): string[]
  peek<T>(query: Query<T>): T
  peek(query: Key | PatternQuery | Query<unknown>): unknown {
    return peek(this.sync, query)
  }

  /** What INFO says, by section and name; numbers are numbers. `call('INFO')` has the text. */
  async info(...sections: string[]): Promise<Info> {
    return parseInfo((await this.call('INFO', ...sections)) as string)
  }

  /** All keys, some at a time: those that are there all the while are all among them. */
  async *scanIterator(options: ScanOptions & { type?: string } = {}): AsyncGenerator<string, void, undefined> {
    for await (const page of this.pages('SCAN', [], options)) yield* page
  }

  /** The fields of a hash with their values, some at a time. */
  async *hscanIterator(key: Key, options?: ScanOptions): AsyncGenerator<[field: string, value: string], void, undefined> {
    for await (const page of this.pages('HSCAN', [key], options)) for (let i = 0; i < page.length; i += 2) yield [page[i]!, page[i + 1]!]
  }

  /** The members of a set, some at a time. */
  async *sscanIterator(key: Key, options?: ScanOptions): AsyncGenerator<string, void, undefined> {
    for await (const page of this.pages('SSCAN', [key], options)) yield* page
  }

  /** The members of a sorted set with their scores, some at a time. */
  async *zscanIterator(key: Key, options?: ScanOptions): AsyncGenerator<[member: string, score: number], void, undefined> {
    for await (const page of this.pages('ZSCAN', [key], options)) for (let i = 0; i < page.length; i += 2) yield [page[i]!, Number(page[i + 1])]
  }

  /** @internal */
  async runBatch(commands: Queued[], atomic: boolean): Promise<unknown> {
    const { prefix } = this
    const own = prefix ? commands.map((command) => prefix.apply(command)) : commands
    const coming = this.core.batch(this.connection, own, atomic, this.asBytes)
    const replies = await this.settled(coming instanceof Promise ? await coming : coming, 'exec')
    if (!prefix || !Array.isArray(replies)) return replies
    return replies.map((reply, i) => (reply instanceof ReplyError ? reply : prefix.strip(commands[i]!.name, reply)))
  }

  private async *pages(command: string, key: Key[], { match, count, type }: ScanOptions & { type?: string } = {}): AsyncGenerator<string[], void, undefined> {
    let cursor = '0'
    do {
      const [next, page] = (await this.call(command, ...key, cursor, { MATCH: match, COUNT: count, TYPE: type })) as [string, string[]]
      yield page
      cursor = next
    } while (cursor !== '0')
  }
}
