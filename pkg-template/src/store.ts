// Keeps a database in IndexedDB: when to write, how often to try again, who may write at all. What is written is Rust's.
import type { Core } from './core.js'
import { StorageError, type StorageCode } from './errors.js'

/** What the engine says to do next. */
const [NOTHING, GO_ON, LET_OTHERS] = [0, 1, 2]

/** How long a tab waits for one that is being closed or reloaded (ms). */
const LOCK_PATIENCE = 2_000
/** The first and the longest pause before a failed transaction is tried again (ms). */
const [FIRST_PAUSE, LONGEST_PAUSE] = [500, 30_000]

/** How things stand, as the engine says it. */
interface Standing {
  bytes: number
  offset: number
  stored: number
  readOnly: boolean
}

/** Lets others run: what waits comes first, and it takes no 4 ms, which is what timers in a row take. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}

export class Store {
  /** What went wrong last, if it was not put right since. */
  error: StorageError | null = null
  private running = false
  /** Something is new since the engine was last asked. */
  private asked = false
  private waiting: { offset: number; resolve: () => void; reject: (error: StorageError) => void }[] = []
  private pause = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private closed = false

  private constructor(
    private readonly core: Core,
    /** Promises of commands resolve when the change is on the disk. */
    readonly strict: boolean,
    private readonly unlock: () => void,
    private readonly onchange: (error: StorageError | null) => void,
  ) {}

  /**
   * Loads what is stored under `name` and keeps what changes. Fails with a StorageError: LOCKED while another tab has it, DAMAGED
   * or NEWER when it cannot be read, UNAVAILABLE when there is no IndexedDB.
   */
  static async open(core: Core, name: string, strict: boolean, onchange: (error: StorageError | null) => void): Promise<Store> {
    const unlock = await lock(name)
    try {
      const report = (await core.guardAsync(() => core.host.openStore(name, strict, breathe))) as { damage?: string }
      const store = new Store(core, strict, unlock, onchange)
      if (report.damage) store.fail(new StorageError('DAMAGED', `${report.damage}: the data before it was loaded, nothing will be written`))
      return store
    } catch (error) {
      unlock()
      throw storageError(error)
    }
  }

  /** How things stand. */
  standing(): Standing {
    return this.core.guard(() => this.core.host.storeStanding()) as Standing
  }

  /** Writes what is new, unless that is under way. */
  run(): void {
    this.asked = true
    if (!this.running && !this.closed && this.timer === undefined) void this.write()
  }

  /** Takes a new snapshot. */
  compact(): void {
    this.core.guard(() => this.core.host.storeCompact())
    this.run()
  }

  /** Resolves when everything written so far is stored. Fails if it cannot be stored now; it may be later. */
  flush(): Promise<void> {
    const { offset, stored, readOnly } = this.standing()
    if (stored >= offset && !readOnly) return Promise.resolve()
    if (readOnly) return Promise.reject(this.error ?? new StorageError('LOCKED', 'nothing is written any more'))
    return new Promise((resolve, reject) => {
      this.waiting.push({ offset, resolve, reject })
      // Whoever asks wants it tried now.
      this.wake()
      this.run()
    })
  }

  /** Stores what is not stored, and gives the name free. Fails if something could not be stored. */
  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      this.stop()
      this.core.guard(() => this.core.host.closeStore())
    }
  }

  /** Ends it as it is. */
  stop(): void {
    this.closed = true
    clearTimeout(this.timer)
    const error = this.error ?? new StorageError('FAILED', 'the database was closed')
    for (const { reject } of this.waiting.splice(0)) reject(error)
    this.unlock()
  }

  private async write(): Promise<void> {
    this.running = true
    try {
      for (let next = GO_ON; (next !== NOTHING || this.asked) && !this.closed; ) {
        this.asked = false
        next = await this.core.guardAsync(() => this.core.host.storeStep(Date.now()))
        if (next === GO_ON) this.succeed()
        if (next === LET_OTHERS) await breathe()
      }
      this.settle()
    } catch (error) {
      this.fail(storageError(error))
    } finally {
      this.running = false
    }
  }

  private succeed(): void {
    this.pause = 0
    if (this.error) this.tell(null)
    this.settle()
  }

  private fail(error: StorageError): void {
    this.tell(error)
    this.settle(error)
    if (this.closed || this.standing().readOnly) return
    this.pause = Math.min(Math.max(this.pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
    this.timer = setTimeout(() => {
      this.wake()
      this.run()
    }, this.pause)
  }

  /** Ends the pause after a failure. */
  private wake(): void {
    if (this.timer === undefined) return
    clearTimeout(this.timer)
    this.timer = undefined
    this.core.guard(() => this.core.host.storeRetry())
  }

  private tell(error: StorageError | null): void {
    this.error = error
    this.onchange(error)
  }

  /** Answers those whose changes are stored; with an error, all others too. */
  private settle(error?: StorageError): void {
    if (this.waiting.length === 0) return
    const { stored } = this.standing()
    const left = this.waiting.filter(({ offset, resolve }) => stored < offset || void resolve())
    this.waiting = error ? [] : left
    if (error) for (const { reject } of left) reject(error)
  }
}

/** Removes everything stored under `name`. Fails with LOCKED while a tab has it open. */
export async function remove(name: string): Promise<void> {
  const unlock = await lock(name)
  try {
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.deleteDatabase(`tabdis:${name}`)
      request.onsuccess = () => resolve()
      request.onerror = () => reject(storageError({ code: 'FAILED', message: String(request.error) }))
    })
  } finally {
    unlock()
  }
}

/**
 * Makes the store ours until the function returned is called, or the tab is gone. Where there are no locks (plain http), the
 * claim in the store itself keeps two tabs apart: the one that opened it first stops writing.
 */
async function lock(name: string): Promise<() => void> {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks
  if (!locks) return () => {}
  return new Promise((granted, refused) => {
    const signal = AbortSignal.timeout(LOCK_PATIENCE)
    const hold = () => new Promise<void>((release) => granted(release))
    locks.request(`tabdis:${name}`, { signal }, hold).catch((error: unknown) => {
      const late = signal.aborted
      const message = late ? `'${name}' is open in another tab` : `the lock of '${name}' was refused`
      refused(new StorageError(late ? 'LOCKED' : 'UNAVAILABLE', message, { cause: error }))
    })
  })
}

/** The engine fails with a word and a sentence. */
export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  const { code, message } = (error ?? {}) as { code?: StorageCode; message?: string }
  return new StorageError(code ?? 'FAILED', message ?? String(error), { cause: error })
}
