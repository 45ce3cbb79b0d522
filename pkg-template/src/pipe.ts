// A connection to a database in the same process: the bytes of RESP in, the bytes of RESP out.
import type { Core, Listener } from './core.js'
import type { Db } from './db.js'

/** More input than this is not asked for while a command waits. */
const HIGH = 1 << 20
/** So much is run before others have their turn: a long row of commands must not stop the page. */
const TURN = 256 << 10

/** Who is at the other end. */
export interface PipeEnd {
  /** Gets what the session has to say. */
  data(bytes: Uint8Array): void
  /** Is told once that the session has ended. */
  end(): void
  /** Is told that more input is welcome again, after `write` has returned false. */
  drain?(): void
}

export class Pipe implements Listener {
  private readonly core: Core
  private readonly id: number
  private input: Uint8Array[] = []
  private size = 0
  private waits = false
  private closed = false
  private full = false
  private running = false
  /** Replies go out in their order, those that wait for the disk too. */
  private last: Promise<void> | undefined

  constructor(
    db: Db,
    name: string,
    private readonly other: PipeEnd,
  ) {
    this.core = db['core']
    this.id = this.core.open(name, 2)
    this.core.listeners.set(this.id, this)
  }

  /** Takes bytes. Returns whether more are welcome now. */
  write(bytes: Uint8Array): boolean {
    if (this.closed || bytes.length === 0) return true
    this.input.push(bytes)
    this.size += bytes.length
    if (!this.waits && !this.running) this.run()
    this.full = this.size > HIGH
    return !this.full
  }

  /** Ends the session. Does nothing the second time. */
  close(): void {
    if (this.closed) return
    this.closed = true
    if (this.waits) this.core.stopsWaiting()
    this.input = []
    try {
      this.core.close(this.id)
    } catch {
      // The engine has ended before.
    }
    this.then(() => this.other.end())
  }

  /** Output has come that nothing here has asked for. @internal */
  receive(): void {
    if (this.closed) return
    this.flush()
    if (!this.waits && !this.running) this.run()
  }

  private run(): void {
    let room = TURN
    while (this.size > 0 && !this.waits && !this.closed) {
      if (room <= 0) {
        this.running = true
        setTimeout(() => {
          this.running = false
          if (!this.closed) this.run()
        }, 0)
        break
      }
      const bytes = this.whole()
      const taken = this.core.feed(this.id, bytes)
      room -= Math.max(taken, 1)
      this.size = bytes.length - taken
      this.input = this.size > 0 ? [bytes.subarray(taken)] : []
      this.flush()
      // The rest is no whole command.
      if (!this.waits) break
    }
    if (this.full && this.size <= HIGH) {
      this.full = false
      this.other.drain?.()
    }
  }

  private whole(): Uint8Array {
    if (this.input.length === 1) return this.input[0]!
    const bytes = new Uint8Array(this.size)
    let at = 0
    for (const part of this.input) {
      bytes.set(part, at)
      at += part.length
    }
    return bytes
  }

  /** Hands on what the session has put out. */
  private flush(): void {
    const { bytes, closing, waits } = this.core.take(this.id)
    if (waits !== this.waits) {
      this.waits = waits
      if (waits) this.core.startsWaiting()
      else this.core.stopsWaiting()
    }
    if (bytes.length > 0) {
      if (this.core.waitsToCount) this.last = Promise.allSettled([this.last, this.core.counts()]).then(() => {})
      this.then(() => this.other.data(bytes))
    }
    if (closing) this.close()
  }

  private then(f: () => void): void {
    if (!this.last) return f()
    const last = (this.last = this.last.then(f).finally(() => {
      if (this.last === last) this.last = undefined
    }))
  }
}
