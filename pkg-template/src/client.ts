// Commands as methods. Which there are, the engine says when it first starts: no second list has to be kept.
import { words } from './args.js'
import type { Commands } from './commands.js'
import { MISS, WAIT, type Core, type Queued } from './core.js'
import { MultiError, ReplyError } from './errors.js'
import type { Prefix } from './prefix.js'

/** Every command, answering at once. */
export type SyncCommands = { [K in keyof Commands]: Commands[K] }
/** Every command, answering with a promise. */
export type AsyncCommands = { [K in keyof Commands]: Commands[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : never }
/** What a reply is when byte strings stay bytes. */
export type AsBytes<R> = string extends R
  ? Uint8Array | Exclude<R, string> extends infer U ? (U extends unknown ? U : never) : never
  : R extends string | number | bigint | boolean | null | undefined | Uint8Array
    ? R
    : R extends readonly (infer E)[]
      ? AsBytes<E>[]
      : R extends object
        ? [Uint8Array, AsBytes<R[keyof R]>][]
        : R
/** Every command, answering with bytes where it answers with strings. */
export type BytesCommands = {
  [K in keyof Commands]: Commands[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<AsBytes<R>> : never
}

/** The numbers of the commands by their lower-case names. */
const rows = new Map<string, number>()

/** Whatever runs commands. */
export interface Runner {
  /** Runs a batch. @internal */
  runBatch(commands: Queued[], atomic: boolean): unknown
}

/** What ends a wait. */
export interface Abortable {
  signal: AbortSignal
}
/** The commands that may wait. */
const waits = ['blpop', 'brpop', 'blmove', 'blmpop', 'brpoplpush', 'bzmpop', 'bzpopmax', 'bzpopmin', 'xread', 'xreadgroup', 'wait', 'waitaof'] as const
/** The commands that may wait, with a signal that ends it as their last argument. */
export type AbortableCommands = {
  [K in (typeof waits)[number]]: Commands[K] extends (...args: infer A) => infer R
    ? { (...args: A): Promise<R>; (...args: [...A, Abortable]): Promise<R> }
    : never
}

/** A session as those share it who run commands in it; a reset exchanges it. */
export interface Line {
  id: number
}

/** A session whose replies are read in place. */
class Direct {
  /** @internal */
  constructor(
    /** @internal */
    readonly core: Core,
    /** @internal */
    readonly line: Line,
    /** @internal */
    readonly asBytes: boolean,
    /** What the names of keys begin with. @internal */
    readonly prefix?: Prefix | undefined,
  ) {}

  /** @internal */
  get connection(): number {
    return this.line.id
  }

  /** Runs a command, short ones by short ways. @internal */
  invoke(row: number, name: string, args: IArguments, a: unknown, b: unknown, c: unknown): unknown {
    if (this.prefix) return this.invokeNamed(name, [...args])
    const { core, connection, asBytes } = this
    let value: unknown = MISS
    switch (args.length) {
      case 0:
        return core.run0(connection, row, asBytes)
      case 1:
        value = core.run1(connection, row, a, asBytes)
        break
      case 2:
        value = core.run2(connection, row, a, b, asBytes)
        break
      case 3:
        value = core.run3(connection, row, a, b, c, asBytes)
    }
    return value === MISS ? core.run(connection, row, words(name, args), asBytes) : value
  }

  /** Runs a command by its name. @internal */
  invokeNamed(name: string, args: unknown[]): unknown {
    const { prefix } = this
    const command = queued(name, args)
    const { row, words } = prefix ? prefix.apply(command) : command
    const value = this.core.run(this.connection, row, row < 0 ? [name, ...words] : words, this.asBytes)
    return prefix ? prefix.strip(name, value) : value
  }
}

/** Commands that answer at once. Those that would wait answer what they answer when their time is up. */
export class SyncClient extends Direct {
  /** Runs any command. */
  call(name: string, ...args: unknown[]): unknown {
    const value = this.invokeNamed(name, args)
    return value === WAIT ? this.core.stopWait(this.asBytes) : value
  }
}
export interface SyncClient extends SyncCommands {}

/** Commands that answer with promises. Those that wait keep nobody else from running. */
export class AsyncClient extends Direct {
  /** Runs any command. One that waits is ended by the signal of `{ signal }` behind its arguments. */
  async call(name: string, ...args: unknown[]): Promise<unknown> {
    const signal = signalOf(args.at(-1))
    if (signal) return this.abortable(name, args.slice(0, -1), signal)
    return this.settled(this.invokeNamed(name, args), name)
  }

  /** The promise of a command's value. @internal */
  async settled(value: unknown, name: string): Promise<unknown> {
    const { core, prefix } = this
    const waits = value === WAIT
    const changed = waits || core.hasEffects
    // Which session waits is known now, and not after others have run.
    const coming = waits ? core.wait(this.asBytes) : value
    const [reply] = await Promise.all([coming, changed && core.waitsToCount ? core.counts() : undefined])
    if (changed) await core.stored?.()
    return waits && prefix ? prefix.strip(name, reply) : reply
  }

  /** Runs a command that `signal` ends while it waits. @internal */
  async abortable(name: string, args: unknown[], signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted()
    const value = this.invokeNamed(name, args)
    if (value !== WAIT) return this.settled(value, name)
    const session = this.core.waitingSession
    const end = () => this.core.abandon(session, signal.reason)
    signal.addEventListener('abort', end, { once: true })
    try {
      return await this.settled(value, name)
    } finally {
      signal.removeEventListener('abort', end)
    }
  }
}

function signalOf(arg: unknown): AbortSignal | undefined {
  const signal = (arg as Partial<Abortable> | null | undefined)?.signal
  return typeof AbortSignal === 'function' && signal instanceof AbortSignal ? signal : undefined
}

/** Commands collected and sent at once. */
export class Chain {
  private commands: Queued[] = []

  /** @internal */
  constructor(
    private readonly runner: Runner,
    private readonly atomic: boolean,
  ) {}

  /** Adds any command. */
  call(name: string, ...args: unknown[]): this {
    this.commands.push(queued(name, args))
    return this
  }

  /** How many commands were added. */
  get length(): number {
    return this.commands.length
  }

  /**
   * Runs the commands and resolves with their replies. Rejects with a MultiError, which has all replies, if one of them failed.
   * Of a transaction: resolves with null if a watched key changed, rejects with EXECABORT if a command could not be queued.
   */
  async exec(): Promise<unknown[] | null> {
    const commands = this.commands
    this.commands = []
    const replies = (await this.runner.runBatch(commands, this.atomic)) as unknown[] | null
    const failed = replies?.find((reply) => reply instanceof ReplyError)
    if (failed) throw new MultiError(failed as ReplyError, replies!)
    return replies
  }
}

/** A pipeline or transaction: each command adds its reply's type to what `exec` resolves with. */
export type Chained<T extends unknown[], Aborted = never> = {
  [K in Exclude<keyof Commands, 'exec' | 'call'>]: Commands[K] extends (...args: infer A) => infer R
    ? (...args: A) => Chained<[...T, R], Aborted>
    : never
} & {
  /** Adds any command. */
  call(name: string, ...args: unknown[]): Chained<[...T, unknown], Aborted>
  /** Runs the commands; see {@link Chain.exec}. */
  exec(): Promise<T | Aborted>
  /** How many commands were added. */
  readonly length: number
}

/** Returns a command as a batch takes it. */
export function queued(name: string, args: ArrayLike<unknown>): Queued {
  if (typeof name !== 'string') throw new TypeError('the name of a command is a string')
  const lower = name.toLowerCase()
  const row = rows.get(lower)
  const list = words(lower, args)
  return { name, row: row ?? -1, words: list }
}

/** Gives the classes a method for each command of `names` (`get 12 set 13 …`). Does nothing the second time. */
export function install(names: string, wired: object): void {
  if (rows.size) return
  for (const name of waits) {
    define(AsyncClient.prototype, name, function (this: AsyncClient, ...args: unknown[]) {
      return this.call(name, ...args)
    })
  }
  const list = names.trim().split(' ')
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!
    const row = Number(list[i + 1])
    rows.set(name, row)
    define(SyncClient.prototype, name, function (this: SyncClient, a?: unknown, b?: unknown, c?: unknown) {
      const value = this.invoke(row, name, arguments, a, b, c)
      return value === WAIT ? this.core.stopWait(this.asBytes) : value
    })
    define(AsyncClient.prototype, name, function (this: AsyncClient, a?: unknown, b?: unknown, c?: unknown) {
      try {
        const value = this.invoke(row, name, arguments, a, b, c)
        return value === WAIT || this.core.stored || this.core.waitsToCount ? this.settled(value, name) : Promise.resolve(value)
      } catch (error) {
        return Promise.reject(error as Error)
      }
    })
    for (const named of [Chain.prototype, wired]) {
      define(named, name, function (this: { call(...args: unknown[]): unknown }, ...args: unknown[]) {
        return this.call(name, ...args)
      })
    }
  }
}

/** What a class has itself stays. */
function define(prototype: object, name: string, value: unknown): void {
  if (!(name in prototype)) Object.defineProperty(prototype, name, { value, writable: true, configurable: true })
}
