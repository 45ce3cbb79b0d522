// One engine in one wasm instance: words in, values out, and what else is new. src/wasm/abi.rs is the other side.
import createGlue from 'tabdis-glue'
import type { Word } from './args.js'
import { EngineDead, ReplyError } from './errors.js'
import { NativeReader, read } from './native.js'
import { encode } from './text.js'

/** The command waits: `wait` or `stopWait` has its reply. */
export const WAIT = Symbol('wait')
/** The arguments are not plain, or too long: `run` takes them. */
export const MISS = Symbol('miss')

/** What the engine can be told when it starts. */
export interface CoreOptions extends Chance {
  databases: number
  now: number
  maxmemory: number
}

/** What everything random follows from. */
export interface Chance {
  seed: number
  /** 32 bytes that nobody can guess, to make passwords from; without them they follow from the seed. */
  secret?: number[]
}

/** A command of a batch. */
export interface Queued {
  name: string
  /** Its number, −1 if it has none: then the engine says so. */
  row: number
  /** What follows the name. */
  words: Word[]
}

/** A session that is told when the engine has something for it, and ended when all sessions end. */
export interface Listener {
  receive(): void
  close(): void
}

type Glue = ReturnType<typeof createGlue>
type Raw = Awaited<ReturnType<Glue['default']>>
type Host = InstanceType<Glue['Host']>

/** What an engine is made from. */
export interface Origin {
  module: WebAssembly.Module
  options: Omit<CoreOptions, 'now'>
  /** Returns what the time is, ms since the epoch. */
  clock: () => number
}

/** Returns the same origin with another chance, if it is given one. */
function from(origin: Origin, chance: Chance | undefined): Origin {
  return { ...origin, options: { ...origin.options, ...chance } }
}

/** Returns a new instance with an engine in it. */
async function instance({ module, options, clock }: Origin): Promise<[Raw, Host]> {
  const glue = createGlue()
  const raw = await glue.default({ module_or_path: module })
  return [raw, new glue.Host({ ...options, now: clock() })]
}

/** Who waits for a reply, and how it is read. */
interface Waiter {
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  read: (at: number, n: number) => unknown
}

/** Words of the mailbox and bits of its flags. */
const [PTR, FLAGS, SESSION, STATUS] = [0, 1, 2, 3]
const [READY, EFFECTS, REQUESTS, WAKE, CHANGED, SETTINGS, MAIL, UNSURE] = [1, 2, 4, 8, 16, 32, 64, 128]
const DEAD = 4
/** How long others may hear nothing before they may have another leader (ms); src/wasm/abi.rs has the same. */
const OUT = 700

const STAGE = 1 << 16
/** A bigger stage is given back after use. */
const BIG_STAGE = 1 << 22

const encoder = new TextEncoder()

export class Core {
  /** Views of the memory; empty when it has grown, or when the engine is dead. */
  private u8 = new Uint8Array(0)
  private i32 = new Int32Array(0)
  private mail = 0
  private stage = 0
  private stageEnd = 0
  private dead: EngineDead | undefined
  private news = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  /** How many sessions with a wire wait. */
  private waits = 0
  private readonly waiting = new Map<number, Waiter>()

  /** Sessions with a wire, and live queries. */
  readonly listeners = new Map<number, Listener>()
  /** Told of `change`, `request` (with its word), `settings` and `dead`. */
  onevent: (name: 'change' | 'request' | 'settings' | 'dead' | 'effects', detail?: unknown) => void = () => {}

  /** Resolves when what was changed is stored; only there if promises of commands wait for that. */
  stored: (() => Promise<void>) | undefined

  /** This tab was out for a while, and finds out whether it still leads: what it has changed counts when this resolves. */
  doubt: Promise<void> | undefined
  /** Others are told what is changed here, and could lead if they are not told for long: a change counts when they are. */
  shared = false
  /** When something was changed that they are not told yet, and who waits until they are. */
  private changed = 0
  private told: { promise: Promise<void>; resolve: () => void } | undefined
  /** Told to begin with that. */
  onunsure: () => void = () => {}

  /** Returns what the time is, ms since the epoch. */
  readonly now: () => number
  /** Told of what code that we have called has thrown. */
  report: (error: unknown) => void = () => {}

  private constructor(
    private raw: Raw,
    /** @internal */
    public host: Host,
    private readonly origin: Origin,
  ) {
    this.now = origin.clock
    this.begin()
  }

  /** Starts an engine in an instance of its own. */
  static async start(origin: Origin): Promise<Core> {
    return new Core(...(await instance(origin)), origin)
  }

  /** Starts another engine of the same kind. */
  another(chance: Chance | undefined): Promise<Core> {
    return Core.start(from(this.origin, chance))
  }

  /** Puts a new engine in the place of this one, whose sessions all end. */
  async restart(chance: Chance | undefined): Promise<void> {
    const fresh = await instance(from(this.origin, chance))
    if (this.dead) throw this.dead
    for (const listener of [...this.listeners.values()]) listener.close()
    this.rejectAll(new EngineDead('the database was reset'))
    clearTimeout(this.timer)
    ;[this.raw, this.host] = fresh
    this.news = this.waits = 0
    this.begin()
  }

  private begin(): void {
    this.mail = this.raw.mailbox() >>> 2
    this.refresh()
    this.grow(STAGE)
  }

  /** Runs a command without arguments. Throws what it answers if that is an error, as all of these. */
  run0(session: number, row: number, bytes: boolean): unknown {
    if (this.u8.length === 0) this.refresh()
    let r
    try {
      r = this.raw.exec0(session, row, this.now())
    } catch (error) {
      throw this.die(error)
    }
    return this.result(r, bytes)
  }

  /** Runs a command of one argument, or returns MISS. */
  run1(session: number, row: number, a: unknown, bytes: boolean): unknown {
    if (this.u8.length === 0) this.refresh()
    const n = this.put(a, this.stage)
    if (n < 0) return MISS
    let r
    try {
      r = this.raw.exec1(session, row, n, this.now())
    } catch (error) {
      throw this.die(error)
    }
    return this.result(r, bytes)
  }

  /** Runs a command of two arguments, or returns MISS. */
  run2(session: number, row: number, a: unknown, b: unknown, bytes: boolean): unknown {
    if (this.u8.length === 0) this.refresh()
    const n = this.put(a, this.stage)
    if (n < 0) return MISS
    const m = this.put(b, this.stage + n)
    if (m < 0) return MISS
    let r
    try {
      r = this.raw.exec2(session, row, n, m, this.now())
    } catch (error) {
      throw this.die(error)
    }
    return this.result(r, bytes)
  }

  /** Runs a command of three arguments, or returns MISS. */
  run3(session: number, row: number, a: unknown, b: unknown, c: unknown, bytes: boolean): unknown {
    if (this.u8.length === 0) this.refresh()
    const n = this.put(a, this.stage)
    if (n < 0) return MISS
    const m = this.put(b, this.stage + n)
    if (m < 0) return MISS
    const l = this.put(c, this.stage + n + m)
    if (l < 0) return MISS
    let r
    try {
      r = this.raw.exec3(session, row, n, m, l, this.now())
    } catch (error) {
      throw this.die(error)
    }
    return this.result(r, bytes)
  }

  /** Runs any command; with row −1 the first word is its name. */
  run(session: number, row: number, words: Word[], bytes: boolean): unknown {
    this.putAll([], words)
    return this.result(this.guard(() => this.raw.exec(session, row, words.length, this.now())), bytes)
  }

  /** Runs commands in one crossing and returns their replies, errors in their places; of a transaction EXEC's reply. */
  batch(session: number, commands: Queued[], atomic: boolean, bytes: boolean): unknown {
    const head: number[] = []
    const all: Word[] = []
    // The lengths are known when the words are written: where they go is noted here.
    const places: number[] = []
    for (const { name, row, words } of commands) {
      const list = row < 0 ? [name, ...words] : words
      head.push(row, list.length)
      for (const word of list) {
        places.push(head.push(0) - 1)
        all.push(word)
      }
    }
    this.putAll(head, all, places)
    const n = this.guard(() => this.raw.batch(session, head.length, commands.length, atomic ? 1 : 0, this.now()))
    this.settle()
    const read = (at: number, n: number) => this.replies(at, n, commands.length, atomic, bytes)
    if (n === -1) return this.waiter(read)
    if (n < 0) throw this.gone()
    return read(this.i32[this.mail + PTR]! >>> 0, n >>> 1)
  }

  /** Reads the replies of a batch. */
  private replies(at: number, n: number, count: number, atomic: boolean, bytes: boolean): unknown {
    const reader = new NativeReader(this.u8, at, bytes)
    if (!atomic) {
      const all: unknown[] = []
      // What keeps all of them from being run is one error.
      while (all.length < count) all.push(reader.at < at + n ? reader.next() : all.at(-1))
      return all
    }
    const reply = reader.next()
    if (!(reply instanceof ReplyError)) return reply
    const spoiled = reader.at < at + n ? reader.next() : undefined
    throw spoiled ? new ReplyError(reply.message, { cause: spoiled }) : reply
  }

  /** Runs a command of a session with a wire. Its reply, if it has one yet, is in `take`. */
  runWire(session: number, words: Word[], proto: 0 | 3): void {
    this.putAll([], words)
    const r = this.guard(() => this.raw.exec_wire(session, words.length, proto, this.now()))
    this.settle()
    if (r < 0) throw this.gone()
  }

  /** Runs the commands at the beginning of `bytes`. Returns how many bytes they were; their replies are in `take`. */
  feed(session: number, bytes: Uint8Array): number {
    const taken = this.guard(() => this.host.feedWire(session, bytes, this.now()))
    this.settle()
    return taken
  }

  /** Takes the output of a session with a wire. */
  take(session: number): { bytes: Uint8Array; closing: boolean; waits: boolean } {
    const n = this.guard(() => this.raw.out(session))
    this.settle()
    if (n < 0) throw this.gone()
    const at = this.i32[this.mail + PTR]! >>> 0
    const status = this.i32[this.mail + STATUS]!
    const bytes = this.u8.slice(at, at + n)
    if (n > 0) this.guard(() => this.raw.taken(session))
    return { bytes, closing: (status & 1) !== 0, waits: (status & 2) !== 0 }
  }

  /** Returns the reply of the command that has just answered WAIT, when it comes. */
  wait(bytes: boolean): Promise<unknown> {
    return this.waiter((at, n) => read(this.u8, at, n, true, bytes))
  }

  private waiter(read: Waiter['read']): Promise<unknown> {
    const session = this.i32[this.mail + SESSION]!
    const reply = new Promise((resolve, reject) => this.waiting.set(session, { resolve, reject, read }))
    this.schedule(this.guard(() => this.host.nextWake()))
    return reply
  }

  /** Ends the wait of the command that has just answered WAIT and returns its reply: that of a timeout. */
  stopWait(bytes: boolean): unknown {
    const session = this.i32[this.mail + SESSION]!
    this.guard(() => this.raw.stop_wait(session))
    return this.takeNative(session, (at, n) => read(this.u8, at, n, true, bytes))
  }

  /** The session of the command that has just answered WAIT. */
  get waitingSession(): number {
    return this.i32[this.mail + SESSION]!
  }

  /** Ends the wait of a session for good: its command is not done, and its promise is rejected. Does nothing if it waits no more. */
  abandon(session: number, reason: unknown): void {
    const waiter = this.waiting.get(session)
    if (!waiter) return
    this.waiting.delete(session)
    this.close(session)
    waiter.reject(reason)
    this.idle()
  }

  /** A session with a wire waits: its time may run out. */
  startsWaiting(): void {
    this.waits++
    this.schedule(this.guard(() => this.host.nextWake()))
  }

  /** A session with a wire waits no more. */
  stopsWaiting(): void {
    this.waits--
    this.idle()
  }

  open(name: string, proto: 0 | 2 | 3): number {
    return this.guard(() => this.host.openSession(name, proto, this.now()))
  }

  close(session: number): void {
    this.listeners.delete(session)
    if (!this.dead) this.turn(() => this.host.closeSession(session))
  }

  /** Calls the host. A trap marks the engine dead. */
  guard<T>(call: () => T): T {
    if (this.u8.length === 0) this.refresh()
    try {
      return call()
    } catch (error) {
      throw this.die(error)
    }
  }

  /** Calls the host for something that may bring news. */
  turn<T>(call: () => T): T {
    const value = this.guard(call)
    if (!this.dead) this.settle()
    return value
  }

  /** Calls the host where it answers with a promise. A trap marks the engine dead; other errors are the host's own. */
  async guardAsync<T>(call: () => Promise<T>): Promise<T> {
    if (this.u8.length === 0) this.refresh()
    try {
      return await call()
    } catch (error) {
      throw error instanceof WebAssembly.RuntimeError ? this.die(error) : error
    }
  }

  /** Whether something was changed in this turn that is to be stored. */
  get hasEffects(): boolean {
    return (this.news & EFFECTS) !== 0
  }

  /** Whether the reply that was just read has to wait until it counts: see `counts`. */
  get waitsToCount(): boolean {
    return this.doubt !== undefined || (this.shared && this.hasEffects)
  }

  /** Resolves when what was just changed counts. Fails if another tab leads. */
  async counts(): Promise<void> {
    if (this.shared && this.hasEffects) {
      if (!this.told) {
        let resolve!: () => void
        const promise = new Promise<void>((done) => (resolve = done))
        this.told = { promise, resolve }
      }
      await this.told.promise
    }
    await this.doubt
  }

  /** Ends everything: what waits is rejected, what comes is refused. */
  stop(reason: EngineDead): void {
    if (this.dead) return
    this.dead = reason
    this.u8 = new Uint8Array(0)
    clearTimeout(this.timer)
    this.rejectAll(reason)
    this.listeners.clear()
  }

  private rejectAll(reason: EngineDead): void {
    this.told?.resolve()
    this.told = undefined
    for (const { reject } of this.waiting.values()) reject(reason)
    this.waiting.clear()
  }

  /** Writes a plain argument and returns its length, −1 if it is not plain or too long. */
  private put(value: unknown, at: number): number {
    if (typeof value === 'string') return encode(value, this.u8, at, this.stageEnd)
    if (typeof value === 'number' && Number.isFinite(value)) return encode('' + value, this.u8, at, this.stageEnd)
    return -1
  }

  /** Writes `head`, then the words; their lengths go behind the head, or to `places` in it. */
  private putAll(head: number[], words: Word[], places?: number[]): void {
    if (this.u8.length === 0) this.refresh()
    const lens = places ? head.length : head.length + words.length
    let size = lens * 4
    words.forEach((word, i) => {
      // Three bytes a character are the most there can be; of long texts it is worth knowing exactly.
      if (typeof word === 'string' && word.length > STAGE) words[i] = encoder.encode(word)
      size += typeof word === 'string' ? word.length * 3 : words[i]!.length
    })
    if (size > this.stageEnd - this.stage) this.grow(size)
    const { u8, i32 } = this
    const base = this.stage >>> 2
    for (let i = 0; i < head.length; i++) i32[base + i] = head[i]!
    let at = this.stage + lens * 4
    words.forEach((word, i) => {
      let n
      if (typeof word === 'string') n = encode(word, u8, at, this.stageEnd)
      else u8.set(word, at), (n = word.length)
      i32[base + (places ? places[i]! : head.length + i)] = n
      at += n
    })
  }

  private grow(bytes: number): void {
    const at = this.guard(() => this.raw.stage(bytes))
    if (this.u8.length === 0) this.refresh()
    if (at === 0) {
      this.grow(STAGE)
      throw new ReplyError('OOM not enough memory for the arguments')
    }
    this.stage = at >>> 0
    this.stageEnd = this.stage + bytes
  }

  /** Reads the reply of a call; WAIT if there is none yet. */
  private result(r: number, bytes: boolean): unknown {
    if (this.u8.length === 0) this.refresh()
    const { i32, mail } = this
    if (i32[mail + FLAGS] !== 0) this.note()
    if (r >= 0) return read(this.u8, i32[mail + PTR]! >>> 0, r >>> 1, (r & 1) === 1, bytes)
    if (r === -1) return WAIT
    throw this.gone()
  }

  /** After a call whose reply is read otherwise. */
  private settle(): void {
    if (this.u8.length === 0) this.refresh()
    if (this.i32[this.mail + FLAGS] !== 0) this.note()
    if (this.stageEnd - this.stage > BIG_STAGE) this.grow(STAGE)
  }

  private gone(): ReplyError {
    return new ReplyError('ERR the session is closed, or waits for the reply of another command')
  }

  /** Keeps what is new for the end of this turn: nobody is called inside a call. */
  private note(): void {
    const flags = this.i32[this.mail + FLAGS]!
    this.i32[this.mail + FLAGS] = 0
    // At once: who gets the reply of this call is to wait for it.
    if (flags & UNSURE) this.onunsure()
    if (this.news === 0) {
      if (this.shared) this.changed = this.now()
      queueMicrotask(() => this.pump())
    }
    this.news |= flags
  }

  /** Delivers what is new. */
  private pump(): void {
    const news = this.news
    this.news = 0
    if (this.dead) return
    if (news & SETTINGS) this.onevent('settings')
    if (news & READY) this.deliver()
    if (news & REQUESTS) for (const word of this.guard(() => this.host.takeRequests())) this.onevent('request', word)
    if (news & (EFFECTS | MAIL)) this.onevent('effects')
    if (this.told) {
      // It stood still in between: they were told too late.
      if (this.now() - this.changed > OUT) this.onunsure()
      this.told.resolve()
      this.told = undefined
    }
    if (news & CHANGED) this.onevent('change')
    if (news & WAKE) this.schedule(this.guard(() => this.host.nextWake()))
  }

  private deliver(): void {
    for (const session of this.guard(() => this.host.takeReady())) {
      const waiter = this.waiting.get(session)
      if (waiter) {
        this.waiting.delete(session)
        try {
          waiter.resolve(this.takeNative(session, waiter.read))
        } catch (error) {
          waiter.reject(error)
        }
      } else this.listeners.get(session)?.receive()
    }
    this.idle()
  }

  /** A timer that somebody waits for keeps Node alive; others do not. */
  private idle(): void {
    if (this.waiting.size + this.waits === 0) (this.timer as { unref?: () => void } | undefined)?.unref?.()
  }

  /** The reply of a session that waited, which is closed with it. */
  private takeNative(session: number, read: Waiter['read']): unknown {
    const n = this.guard(() => this.raw.out(session))
    if (this.u8.length === 0) this.refresh()
    try {
      if (n <= 0) throw this.gone()
      return read(this.i32[this.mail + PTR]! >>> 0, n)
    } finally {
      this.close(session)
    }
  }

  /** The store has left something to be done: data that was flushed while a snapshot still needed it is freed now. */
  reschedule(): void {
    this.schedule(this.guard(() => this.host.nextWake()))
  }

  /** Sets the one timer there is to when the engine wants it, ms since the epoch. */
  private schedule(at: number): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (at === Infinity || this.dead) return
    const ms = Math.min(Math.max(at - this.now(), 0), 0x7fff_ffff)
    this.timer = setTimeout(() => this.tick(), ms)
    this.idle()
  }

  /** Delivers to those who waited until something was stored. */
  stores(): void {
    if (this.dead || this.waiting.size + this.waits === 0) return
    this.news |= READY
    this.pump()
  }

  /** Delivers what comes of data that was replaced as a whole. */
  replaced(): void {
    this.news |= EFFECTS | CHANGED
    this.tick()
  }

  /** Does what time brings. */
  tick(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.dead) return
    const next = this.guard(() => this.host.tick(this.now()))
    this.settle()
    this.news |= READY
    this.pump()
    this.schedule(next)
  }

  /** Makes new views after the memory has grown. Throws if the engine is dead. */
  private refresh(): void {
    if (this.dead) throw this.dead
    const { buffer } = this.raw.memory
    this.u8 = new Uint8Array(buffer as ArrayBuffer)
    this.i32 = new Int32Array(buffer as ArrayBuffer)
  }

  /** What to throw for what a call threw. Anything but an error of ours is a trap: the instance is of no use any more. */
  private die(error: unknown): unknown {
    if (this.dead || error instanceof ReplyError) return error
    const reason = new EngineDead(`the engine stopped: ${this.lastWords() ?? String(error)}`, { cause: error })
    this.stop(reason)
    queueMicrotask(() => this.onevent('dead', reason))
    return reason
  }

  /** What the engine said when it panicked, if it did. */
  private lastWords(): string | undefined {
    const { buffer } = this.raw.memory
    const mail = new Uint32Array(buffer, this.mail * 4, 4)
    if (mail[STATUS] !== DEAD) return undefined
    return new TextDecoder().decode(new Uint8Array(buffer, mail[PTR], mail[SESSION]))
  }
}
