/// <reference lib="esnext.disposable" preserve="true" />
// A connection of its own: a selected database, a transaction, watched keys, subscriptions. It speaks RESP.
import { words, type Word } from './args.js'
import { Chain, type AsyncCommands, type Chained } from './client.js'
import type { Core, Queued } from './core.js'
import { EngineDead, ReplyError } from './errors.js'
import { parse, plain, type RawReply } from './wire.js'

/** How a session begins. */
export interface SessionOptions {
  /** What its raw replies look like until HELLO changes it: RESP2 (the default, as on any connection to Redis) or RESP3. */
  resp?: 2 | 3
  /** Its address in CLIENT LIST. */
  name?: string
}

/** A command that was sent and not answered. */
interface Sent {
  words: Word[]
  proto: 0 | 3
  resolve: (reply: RawReply) => void
  reject: (error: unknown) => void
}

export interface Session extends Omit<AsyncCommands, 'multi'> {}

export class Session {
  /** Called with what comes without being asked for: messages, invalidations, MONITOR's lines. */
  onpush: ((push: RawReply) => void) | undefined
  /** Called once when the session has ended: by `close`, QUIT or CLIENT KILL. */
  onclose: (() => void) | undefined

  private readonly core: Core
  private readonly id: number
  private closed = false
  /** The command whose reply the session waits for, and those behind it: a connection answers in order. */
  private waiter: Sent | undefined
  private queue: Sent[] = []
  /** What `onpush` has not been told yet. */
  private pushes: RawReply[] = []
  private pushing = false

  /** @internal */
  constructor(core: Core, options: SessionOptions = {}) {
    this.core = core
    this.id = core.open(options.name ?? 'session', options.resp ?? 2)
    core.listeners.set(this.id, this)
  }

  /** Runs a command and resolves with its typed reply. An error of Redis is a reply, not a rejection. */
  async raw(args: readonly (string | number | bigint | Uint8Array | ArrayBuffer)[]): Promise<RawReply> {
    return this.send(words('raw', args), 0)
  }

  /** Runs any command. Maps, sets and doubles come as such, whatever format raw replies are in. */
  async call(name: string, ...args: unknown[]): Promise<unknown> {
    const lower = String(name).toLowerCase()
    // HELLO's reply is in the format that it asks for.
    return plain(await this.send([name, ...words(lower, args)], lower === 'hello' ? 0 : 3))
  }

  /** Starts a transaction: commands are collected, `exec` runs them at once. */
  multi(): Chained<[], null> {
    return new Chain(this, true) as unknown as Chained<[], null>
  }

  /** Collects commands that `exec` runs one after the other. */
  pipeline(): Chained<[]> {
    return new Chain(this, false) as unknown as Chained<[]>
  }

  /** Ends the session. Does nothing the second time. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.core.close(this.id)
    const gone = new EngineDead('the session was closed')
    if (this.waiter) this.core.stopsWaiting()
    for (const { reject } of [this.waiter, ...this.queue.splice(0)].filter((sent) => sent !== undefined)) reject(gone)
    this.waiter = undefined
    this.onclose?.()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal */
  async runBatch(commands: Queued[], atomic: boolean): Promise<unknown> {
    const lines = commands.map(({ name, words }) => [name, ...words])
    if (!atomic) return Promise.all(lines.map(async (line) => valueOrError(await this.send(line, 3))))
    const [start, ...replies] = await Promise.all([['MULTI'], ...lines, ['EXEC']].map((line) => this.send(line, 3)))
    const end = replies.pop()!
    const spoiled = [start!, ...replies].map(valueOrError).find((reply) => reply instanceof ReplyError)
    if (end.type === 'error') throw new ReplyError(end.value, { cause: spoiled })
    return plain(end)
  }

  /** Output has come that no call of ours returned. @internal */
  receive(): void {
    if (this.closed) return
    const { replies, closing, waits } = this.take()
    if (this.waiter && !waits) {
      const reply = replies.shift()
      this.waiter.resolve(reply ?? NONE)
      this.waiter = undefined
      this.core.stopsWaiting()
    }
    this.push(replies, false)
    if (closing) this.close()
    while (!this.waiter && this.queue.length) this.run(this.queue.shift()!)
  }

  private send(list: Word[], proto: 0 | 3): Promise<RawReply> {
    return new Promise((resolve, reject) => {
      const sent = { words: list, proto, resolve, reject }
      if (this.closed) reject(new EngineDead('the session was closed'))
      else if (this.waiter) this.queue.push(sent)
      else this.run(sent)
    })
  }

  private run(sent: Sent): void {
    try {
      // What came before is not this command's reply.
      this.push(this.take().replies, false)
      this.core.runWire(this.id, sent.words, sent.proto)
      const { replies, closing, waits } = this.take()
      if (waits) {
        this.waiter = sent
        this.core.startsWaiting()
      } else {
        const reply = replies.shift() ?? NONE
        if (this.core.waitsToCount) this.core.counts().then(() => sent.resolve(reply), sent.reject)
        else sent.resolve(reply)
      }
      this.push(replies, true)
      if (closing) this.close()
    } catch (error) {
      sent.reject(error)
    }
  }

  private take(): { replies: RawReply[]; closing: boolean; waits: boolean } {
    const { bytes, closing, waits } = this.core.take(this.id)
    return { replies: bytes.length ? parse(bytes) : [], closing, waits }
  }

  /** Tells `onpush`, in order; `later`: after those who await the reply have been told that. */
  private push(replies: RawReply[], later: boolean): void {
    this.pushes.push(...replies)
    if (this.pushes.length === 0 || this.pushing) return
    this.pushing = true
    const tell = () => {
      this.pushing = false
      for (const push of this.pushes.splice(0)) this.onpush?.(push)
    }
    if (later) setTimeout(tell, 0)
    else tell()
  }
}

/** What a command answers that answers nothing (after CLIENT REPLY OFF). */
const NONE: RawReply = { type: 'none', value: null }

function valueOrError(reply: RawReply): unknown {
  try {
    return plain(reply)
  } catch (error) {
    return error
  }
}
