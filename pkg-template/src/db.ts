/// <reference lib="esnext.disposable" preserve="true" />
// A database as its user sees it.
import { install } from './client.js'
import { Core, type Chance } from './core.js'
import { EngineDead, StorageError } from './errors.js'
import { hasFiles } from './files.js'
import type { WasmSource } from './load.js'
import { wasmModule } from './load.js'
import { Session, type SessionOptions } from './session.js'
import { Store, type Keeping } from './store.js'
import { Tabs, type TabsStatus } from './tabs.js'
import { Alone, Upstream, leaderUrl, type LeaderOptions, type LeaderStatus, type PendingChange, type RefusedChange } from './upstream.js'
import { exportRdb, importRdb, type Progress, type TransferOptions } from './transfer.js'
import { Subscription, type OnMessage } from './subscription.js'
import { View } from './view.js'

/** What a change survives: nothing, the end of the tab or process, the loss of power. */
export type Durability = 'memory' | 'relaxed' | 'strict'

/** How a database is opened. */
export interface OpenOptions extends LeaderOptions {
  /** How many databases SELECT can choose from: 16. */
  databases?: number
  /** Bytes that data may take; 0, the default, for no limit. CONFIG SET maxmemory-policy says what happens then. */
  maxmemory?: number
  /** Bytes of memory to have ready, so that growing does not interrupt. */
  reserve?: number
  /**
   * What a change has survived when its promise resolves. `relaxed`, the default: nothing yet, but it is on its way to the browser
   * (in Node, to the system), behind those before it; `flush` resolves when it has it. `strict`: the loss of power, as far as that can be
   * promised.
   */
  durability?: Durability
  /** Called now and then while what is stored is loaded, with bytes. How long the log is shows when it comes: `total` may grow. */
  onProgress?: (progress: Progress) => void
  /** The engine, where it cannot be found beside the code. */
  wasm?: WasmSource
  /** The seed of everything random, for tests that shall run the same way every time. */
  seed?: number
  /** Returns what the time is, ms since the epoch, for tests: of a database in memory. After it was moved, `advance` does what is due. */
  clock?: () => number
}

/** What a database is and holds. */
export interface Status {
  /** Keys in all its databases, and the bytes they and the engine take. */
  keys: number
  usedMemory: number
  /** Bytes of the wasm memory. */
  wasmMemory: number
  /** Connections. */
  sessions: number
  /** Changes since it was opened. */
  changes: number
  /** Where data is kept. */
  storage: StorageStatus
  /** How this tab stands among those that have the database; null where no other can. */
  tabs: TabsStatus | null
  /** How the leader elsewhere is reached; null of a database that has none. */
  leader: LeaderStatus | null
}

/** Where data is kept. */
export interface StorageStatus {
  /** What is promised: `memory` also where a browser gives no storage. */
  durability: Durability
  mode: 'memory' | 'indexeddb' | 'files'
  /** The bytes stored. */
  bytes: number
  /** Whether something is not stored yet. */
  pending: boolean
  /** Nothing is written any more: what is stored is damaged, or belongs to another tab now. */
  readOnly: boolean
  /** Bytes at the end that were being written when everything stopped, before it was opened. They were cut off. */
  torn: number
  /** What went wrong last, if it was not put right since. */
  error: StorageError | null
}

/** A command as `db.commands` describes it; a sub-command's name has two words. */
export interface CommandInfo {
  name: string
  group: string
  since: string
  arity: number
  flags: string[]
  summary: string
  complexity: string
  syntax: string
}

/** What can be listened to. */
export interface Events {
  /** Data changed: once for all changes of a turn. */
  change: []
  /** Storage failed (the error), or works again (null). */
  storage: [event: { error: StorageError | null }]
  /** This tab leads or follows now, or another one leads. */
  role: [status: TabsStatus]
  /** The leader elsewhere was reached or lost, or has done what was queued for it. */
  leader: [status: LeaderStatus]
  /** A queued change that the leader would not do: it was taken back here. */
  refused: [change: RefusedChange]
  /** The engine stopped, and nothing works any more (EngineDead); or what a live query called has thrown. */
  error: [error: Error]
  /** A command asked for what only the owner can do, such as SHUTDOWN. */
  request: [word: string]
}

export class Db extends View {
  private readonly listeners = new Map<string, Set<unknown>>()
  private described: CommandInfo[] | undefined
  private closing: Promise<void> | undefined

  private store: Keeping | undefined
  private upstream: Upstream | undefined
  /** Why a database with a name is in memory only. */
  private unavailable: StorageError | null = null

  /** @internal */
  constructor(
    core: Core,
    /** Everything random follows from a seed that was given. */
    private readonly seeded: boolean,
  ) {
    super(core, { id: core.open('page', 0) })
    this.listen()
  }

  /** What a new engine in or beside the place of this one has chance from: the same seed, or nothing that anybody has seen. */
  private chance(): Chance | undefined {
    return this.seeded ? undefined : chance()
  }

  private listen(): void {
    const { core } = this
    core.report = (error) => {
      if (this.listeners.get('error')?.size) this.emit('error', error as Error)
      else if (typeof reportError === 'function') reportError(error)
      else console.error(error)
    }
    core.onevent = (name, detail) => {
      if (name === 'dead') {
        this.store?.stop()
        this.emit('error', detail as Error)
      }
      else if (name === 'change') this.emit('change')
      else if (name === 'settings') {
        this.store?.settings()
        this.settle()
      }
      else if (name === 'request') this.request(detail as string)
      else this.store?.run()
    }
  }

  /** Every command with what is known of it. */
  get commands(): CommandInfo[] {
    return (this.described ??= this.core.guard(() => this.core.host.commands()) as CommandInfo[])
  }

  /** Opens a connection of its own, for WATCH, SELECT, MONITOR, or typed replies. */
  session(options?: SessionOptions): Session {
    return new Session(this.core, options)
  }

  /** Listens to channels: `for await (const { message } of db.subscribe('news'))`, or with a callback. */
  subscribe(channels: string | readonly string[], onMessage?: OnMessage): Subscription {
    return new Subscription(this.core, 'SUBSCRIBE', list(channels), onMessage)
  }

  /** Listens to all channels that match a pattern. */
  psubscribe(patterns: string | readonly string[], onMessage?: OnMessage): Subscription {
    return new Subscription(this.core, 'PSUBSCRIBE', list(patterns), onMessage)
  }

  /** Listens to shard channels. */
  ssubscribe(channels: string | readonly string[], onMessage?: OnMessage): Subscription {
    return new Subscription(this.core, 'SSUBSCRIBE', list(channels), onMessage)
  }

  /** The changes that the leader elsewhere has yet to do, in order. */
  get pending(): PendingChange[] {
    return this.upstream?.pending() ?? []
  }

  /** Resolves when everything that the leader elsewhere has is here; of a database that has none at once. */
  async synced(): Promise<void> {
    await this.upstream?.synced()
  }

  /** What the database is and holds. */
  status(): Status {
    const status = this.core.guard(() => this.core.host.status()) as Omit<Status, 'storage' | 'tabs' | 'leader'>
    const { store } = this
    const tabs = store instanceof Tabs ? store.status() : null
    const leader = this.upstream?.status() ?? null
    if (!store || store.mode === 'memory') return { ...status, tabs, leader, storage: { mode: 'memory', durability: 'memory', bytes: 0, pending: false, readOnly: false, torn: 0, error: this.unavailable } }
    const { bytes, offset, stored, readOnly } = store.standing()
    const { error, torn } = store
    const strict = this.core.guard(() => this.core.host.storeStrict())
    return { ...status, tabs, leader, storage: { mode: store.mode, durability: strict ? 'strict' : 'relaxed', bytes, pending: stored < offset, readOnly, torn, error } }
  }

  /** Does what time brings: to be called after a `clock` of your own was moved. */
  advance(): void {
    this.core.tick()
  }

  /** Returns a copy in memory that goes its own way from here on. */
  async fork(): Promise<Db> {
    const core = await this.core.another(this.chance())
    const copy = new Db(core, this.seeded)
    try {
      await importRdb(core, await exportRdb(this.core))
      return copy
    } catch (error) {
      copy.terminate()
      throw error
    }
  }

  /** Has a database in memory be as it was after `open`: all data, settings and sessions are gone, and chance begins anew. */
  async reset(): Promise<void> {
    if (this.store) throw new TypeError('only a database in memory can be reset: this one is kept, or has a leader')
    await this.core.restart(this.chance())
    this.line.id = this.core.open('page', 0)
    for (const n of this.lines.keys()) this.dial(n)
    if (this.listeners.get('change')?.size) this.core.host.watchChanges(true)
    this.emit('change')
  }

  /** Makes room for `bytes` more at once. Returns whether that was possible. */
  reserve(bytes: number): boolean {
    return this.core.guard(() => this.core.host.reserve(bytes))
  }

  /** Calls `listener` at each event, until the function returned is called. */
  on<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): () => void {
    const set = this.listeners.get(event) ?? new Set<unknown>()
    this.listeners.set(event, set.add(listener))
    if (event === 'change') this.core.guard(() => this.core.host.watchChanges(true))
    return () => set.delete(listener)
  }

  /**
   * Resolves when everything written so far is stored; of a database without a name at once. Fails with a StorageError if it
   * cannot be stored now.
   */
  async flush(): Promise<void> {
    if (this.unavailable) throw this.unavailable
    await this.store?.flush()
  }

  /** Returns what the browser says of its storage; without what it does not say. */
  async estimate(): Promise<{ usage?: number; quota?: number; persisted?: boolean }> {
    const storage = (globalThis.navigator as Navigator | undefined)?.storage
    const [room, persisted] = await Promise.all([storage?.estimate?.(), storage?.persisted?.()])
    return { ...(room?.usage !== undefined && { usage: room.usage }), ...(room?.quota !== undefined && { quota: room.quota }), ...(persisted !== undefined && { persisted }) }
  }

  /** Asks the browser not to remove what is stored when the disk is full. Returns whether it will not. */
  async requestPersistence(): Promise<boolean> {
    const storage = (globalThis.navigator as Navigator | undefined)?.storage
    return (await storage?.persist?.()) ?? false
  }

  /**
   * Returns the data of this moment as an RDB file, which `redis-server` reads too. Commands go on meanwhile. Fails with an RdbError
   * if all data is replaced meanwhile.
   */
  async export(options?: TransferOptions): Promise<Blob> {
    const file = await exportRdb(this.core, options)
    // The store waits with its own snapshot while another one is taken.
    this.store?.run()
    return file
  }

  /**
   * Puts what an RDB file holds, also one of `redis-server`, in the place of all data, at once when all of it is read. Returns how
   * many keys there are. Fails with an RdbError if the file is not as it should be; the data is what it was then.
   */
  async import(file: Blob, options?: TransferOptions): Promise<number> {
    await this.store?.own()
    const keys = await importRdb(this.core, file, options)
    this.core.replaced()
    await this.core.stored?.()
    return keys
  }

  /** Stores what is not stored yet, and ends. Fails, but ends, if that cannot be stored. Does nothing the second time. */
  close(): Promise<void> {
    return (this.closing ??= this.end())
  }

  /**
   * Ends at once, as when the tab is gone: what is not stored is not stored, and nobody is told. For tests, and to show what happens
   * then.
   */
  terminate(): void {
    this.closing ??= Promise.resolve()
    this.upstream?.stop()
    this.store?.stop()
    this.core.stop(new EngineDead('the database was terminated'))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Has the database follow a leader elsewhere. @internal */
  lead(options: LeaderOptions): void {
    const { leader } = options
    if (leader === undefined) return
    const events = { leader: (status: LeaderStatus) => this.emit('leader', status), refused: (change: RefusedChange) => this.emit('refused', change) }
    this.upstream = new Upstream(this.core, leaderUrl(leader), options, events)
  }

  /** Has nothing kept here, but by the leader. @internal */
  follow(): void {
    if (this.upstream && !this.store) this.store = new Alone(this.core, this.upstream, this.unavailable)
  }

  /** Keeps the database under `name`. @internal */
  async keep(name: string, strict: boolean, onProgress: OpenOptions['onProgress']): Promise<void> {
    try {
      const events = { tell: (error: StorageError | null) => this.emit('storage', { error }) }
      if (hasFiles()) this.store = await Store.open(this.core, name, strict, events, onProgress)
      else {
        const role = (status: TabsStatus) => {
          this.settle()
          this.emit('role', status)
        }
        const tabs = await Tabs.open(this.core, this.connection, name, strict, { ...events, role }, onProgress, this.upstream)
        this.store = tabs
        this.core.onunsure = () => tabs.verify()
      }
      this.settle()
    } catch (error) {
      // Who names a folder wants his data to be there.
      if (!(error instanceof StorageError) || error.code !== 'UNAVAILABLE' || hasFiles()) throw error
      // A private window: better a store that forgets than none. Told when there is somebody to hear it.
      this.unavailable = error
      setTimeout(() => this.emit('storage', { error }), 0)
    }
  }

  /** Has promises of commands wait for what they are to wait for. */
  private settle(): void {
    this.core.stored = this.store?.waits ? () => this.flush() : undefined
  }

  private async end(): Promise<void> {
    try {
      await this.store?.close()
    } finally {
      this.core.stop(new EngineDead('the database was closed'))
    }
  }

  private request(word: string): void {
    this.emit('request', word)
    if (/save$|rewrite/.test(word) && !word.startsWith('shutdown')) this.store?.compact()
    if (word.startsWith('shutdown')) void this.close()
  }

  private emit<K extends keyof Events>(event: K, ...args: Events[K]): void {
    for (const listener of this.listeners.get(event) ?? []) (listener as (...args: Events[K]) => void)(...args)
  }
}

/** Opens a database in memory. It is gone when it is closed. */
export function open(options?: OpenOptions): Promise<Db>
/** Opens the database `name`, which is kept in the browser; in Node, in the files of the folder of that name. */
export function open(name: string, options?: OpenOptions): Promise<Db>
export async function open(...args: [(OpenOptions | string)?, OpenOptions?]): Promise<Db> {
  const named = typeof args[0] === 'string'
  // A name that is undefined by mistake must not become a database that forgets everything.
  if (args.length > 0 && (!args[0] || (!named && typeof args[0] !== 'object'))) {
    throw new TypeError('the name of a database is a string that is not empty')
  }
  const options = ((named ? args[1] : args[0]) ?? {}) as OpenOptions
  const { durability = 'relaxed' } = options
  if (!['memory', 'relaxed', 'strict'].includes(durability)) throw new TypeError(`durability is 'memory', 'relaxed' or 'strict', not '${durability}'`)
  const module = await wasmModule(options.wasm)
  const { databases = 16, maxmemory = 0, clock = () => Date.now() } = options
  const kept = (named && durability !== 'memory') || options.leader !== undefined
  if (kept && options.clock) throw new TypeError('a clock of its own can only have a database in memory: others share the time')
  const core = await Core.start({ module, options: { databases, maxmemory, ...chance(options.seed) }, clock })
  install(core.host.names(), Session.prototype)
  if (options.reserve) core.host.reserve(options.reserve)
  const db = new Db(core, options.seed !== undefined)
  try {
    db.lead(options)
    if (options.leader !== undefined && named && hasFiles()) throw new TypeError('here, a database that has a leader is in memory: open it without a name')
    if (named && durability !== 'memory') await db.keep(args[0] as string, durability === 'strict', options.onProgress)
    db.follow()
  } catch (error) {
    core.stop(new EngineDead('the database was not opened'))
    throw error
  }
  return db
}

function chance(seed?: number): Chance {
  // Who gives a seed wants the same passwords every time too.
  if (seed !== undefined) return { seed }
  const [a, b] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number]
  return { seed: a * 0x20_0000 + (b >>> 11), secret: [...crypto.getRandomValues(new Uint8Array(32))] }
}

function list(names: string | readonly string[]): readonly string[] {
  return typeof names === 'string' ? [names] : names
}
