// Keeps a database in IndexedDB, or in files: when to write, how often to try again, who may write at all. What is written is Rust's.
import { breathe } from './breathe.js'
import type { Core } from './core.js'
import { StorageError, type StorageCode } from './errors.js'
import { Folder, hasFiles, removeFolder } from './files.js'

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
    /** Where data is kept. */
    readonly mode: 'indexeddb' | 'files',
    /** Bytes that were not whole at the end of what was found. */
    readonly torn: number,
    private readonly unlock: () => void,
    private readonly onchange: (error: StorageError | null) => void,
  ) {}

  /**
   * Loads what is stored under `name` and keeps what changes. Fails with a StorageError: LOCKED while another tab or process has it, DAMAGED
   * or NEWER when it cannot be read, UNAVAILABLE when there is no IndexedDB.
   */
  static async open(core: Core, name: string, strict: boolean, onchange: (error: StorageError | null) => void): Promise<Store> {
    const folder = hasFiles() ? await Folder.open(name) : undefined
    const unlock = folder ? () => folder.close() : await lock(name)
    try {
      const report = (await core.guardAsync(() => core.host.openStore(name, strict, breathe, folder))) as { torn: number; damage?: string }
      const store = new Store(core, strict, folder ? 'files' : 'indexeddb', report.torn, unlock, onchange)
      const bytes = folder ? 'the files are still all there' : `rescue('${name}') gives you the stored bytes`
      if (report.damage) store.fail(new StorageError('DAMAGED', `${report.damage}: what is good before it was loaded, nothing will be written; ${bytes}`))
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
    if (readOnly) return Promise.reject(this.over())
    return new Promise((resolve, reject) => {
      this.waiting.push({ offset, resolve, reject })
      // Whoever asks wants it tried now.
      this.wake()
      this.run()
    })
  }

  /** Why nothing is written any more. */
  over(): StorageError {
    return this.error ?? new StorageError('LOCKED', 'nothing is written any more')
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
        if (next === GO_ON) {
          this.succeed()
          this.core.stores()
        }
        if (next === LET_OTHERS) await breathe()
      }
      if (!this.closed) this.core.reschedule()
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

/** Removes everything stored under `name`, and nothing else. Fails with LOCKED while it is open. */
export async function remove(name: string): Promise<void> {
  if (hasFiles()) return removeFolder(name)
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
 * Returns all bytes that are stored under `name`, good or not, of any version, as they are: one command `VALUE name bytes` in RESP for
 * each value. Nothing is changed. Fails with GONE if nothing is stored.
 */
export async function rescue(name: string): Promise<Blob> {
  if (hasFiles()) throw new StorageError('UNAVAILABLE', `what is stored is in the files of '${name}': copy the folder`)
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(`tabdis:${name}`)
    // It would have been made now.
    request.onupgradeneeded = () => request.transaction?.abort()
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(new StorageError('GONE', `nothing is stored under '${name}'`, { cause: request.error }))
  })
  try {
    const parts: BlobPart[] = []
    const encoder = new TextEncoder()
    const bulk = (bytes: Uint8Array<ArrayBuffer>) => parts.push(`$${bytes.length}\r\n`, bytes, '\r\n')
    await new Promise<void>((resolve, reject) => {
      const request = database.transaction('values').objectStore('values').openCursor()
      request.onerror = () => reject(storageError({ code: 'FAILED', message: String(request.error) }))
      request.onsuccess = () => {
        const cursor = request.result
        if (!cursor) return resolve()
        parts.push('*3\r\n$5\r\nVALUE\r\n')
        bulk(encoder.encode(String(cursor.key)))
        bulk(cursor.value as Uint8Array<ArrayBuffer>)
        cursor.continue()
      }
    })
    return new Blob(parts, { type: 'application/octet-stream' })
  } finally {
    database.close()
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
