// A connection to a database in the same process: the bytes of RESP in, the bytes of RESP out.
import type { Core, Listener } from './core.js'
import type { Db } from './db.js'

/** More input than this is not asked for while a command waits. */
const HIGH = 1 << 20
/** Who is at the other end. */
export interface PipeEnd {
  /** Gets what the session has to say. Returns false if no more is welcome until `resume` is called: nothing more is run then. */
  data(bytes: Uint8Array): boolean
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
  /** The rest is no whole command before it has so many bytes. */
  private wants = 0
  private waits = false
  /** The other end takes no more for now. */
  private held = false
  private closed = false
  private full = false
  private running = false
  /** What was answered last does not hold. */
  private broken = false
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
    this.run()
    // What is not whole yet needs more.
    this.full = this.size > HIGH && this.rests
    return !this.full
  }

  /** Goes on, as the other end takes more again. */
  resume(): void {
    this.held = false
    this.run()
  }

  /** Nothing is run just now, whatever there is. */
  private get rests(): boolean {
    return this.waits || this.held || this.running || this.closed
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
    this.run()
  }

  private run(): void {
    if (!this.rests && this.size > 0 && this.size >= this.wants) {
      const bytes = this.whole()
      const taken = this.core.feed(this.id, bytes)
      this.size = bytes.length - taken
      this.input = this.size > 0 ? [bytes.subarray(taken)] : []
      this.wants = this.core.guard(() => this.core.host.wireWants(this.id))
      this.flush()
      if (!this.rests && this.size > 0 && this.size >= this.wants) {
        // It was enough for now: a long row of commands must not stop the page.
        this.running = true
        setTimeout(() => {
          this.running = false
          this.run()
        }, 0)
      }
    }
    if (this.full && !this.rests) {
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
      const { core } = this
      if (core.hasEffects && (core.stored || core.waitsToCount)) {
        const settled = Promise.all([core.waitsToCount && core.counts(), core.stored?.()])
        this.last = Promise.allSettled([this.last, settled]).then(([, { status }]) => {
          // What it is about to be told does not hold: better the connection ends than that.
          if (status === 'rejected') this.broken = true
          if (this.broken) this.close()
        })
      }
      this.then(() => void (this.held = (!this.broken && !this.other.data(bytes)) || this.held))
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
