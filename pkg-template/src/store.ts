// Keeps a database in IndexedDB, or in files: when to write, how often to try again. What is written is Rust's; who may write is
// said in tabs.ts, of files in files.ts.
import { breathe } from './breathe.js'
import type { Core } from './core.js'
import { StorageError, type StorageCode } from './errors.js'
import { Folder, removeFolder, hasFiles } from './files.js'
import { hasLocks, take, unlocked, type Held } from './locks.js'
import type { Progress } from './transfer.js'

/** What the engine says to do next. */
const [NOTHING, GO_ON, LET_OTHERS] = [0, 1, 2]

/** How long a tab waits for one that is being closed or reloaded, and for those that keep a database from being removed (ms). */
const [LOCK_PATIENCE, REMOVE_PATIENCE] = [2_000, 5_000]
/** The first and the longest pause before a failed transaction is tried again (ms). */
const [FIRST_PAUSE, LONGEST_PAUSE] = [500, 30_000]

/** How things stand, as the engine says it. */
export interface Standing {
  bytes: number
  offset: number
  stored: number
  readOnly: boolean
}

/** What keeps a database. */
export interface Keeping {
  readonly mode: 'memory' | 'indexeddb' | 'files'
  /** Bytes that were not whole at the end of what was found. */
  readonly torn: number
  /** What went wrong last, if it was not put right since. */
  readonly error: StorageError | null
  /** Whether promises of commands have to wait here for the disk. */
  readonly waits: boolean
  standing(): Standing
  /** Something is new. */
  run(): void
  compact(): void
  flush(): Promise<void>
  /** CONFIG SET appendfsync was called. */
  settings(): void
  /** Makes sure that all data can be replaced here. */
  own(): Promise<void>
  close(): Promise<void>
  /** Ends it as it is. */
  stop(): void
}

/** Who is told. */
export interface StoreEvents {
  /** What went wrong, or that it was put right. */
  tell(error: StorageError | null): void
  /** A step was done; something is `stored` then, or nothing was to be. */
  stepped?(stored: boolean): void
  /** Another tab has what is stored. */
  lost?(): void
}

export class Store implements Keeping {
  error: StorageError | null = null
  private running: Promise<void> | undefined
  /** Something is new since the engine was last asked. */
  private asked = false
  private waiting: { offset: number; resolve: () => void; reject: (error: StorageError) => void }[] = []
  private pause = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private closed = false
  /** The connection was closed: others may have had the database, or removed it. */
  private unsure = false

  constructor(
    private readonly core: Core,
    readonly mode: 'indexeddb' | 'files',
    readonly torn: number,
    private readonly events: StoreEvents,
    private readonly folder?: Folder,
  ) {}

  /** Opens the files of a folder. Fails with a StorageError: LOCKED while another process has it. */
  static async open(core: Core, name: string, strict: boolean, events: StoreEvents, onProgress?: OnProgress): Promise<Store> {
    const folder = await Folder.open(name)
    try {
      await core.guardAsync(() => core.host.openPlace(name, strict, () => {}, folder))
      const report = await claim(core, [], onProgress)
      const store = new Store(core, 'files', report.torn, events, folder)
      if (report.damage) store.fail(damaged(report.damage, 'the files are still all there'))
      return store
    } catch (error) {
      folder.close()
      throw storageError(error)
    }
  }

  standing(): Standing {
    return this.core.guard(() => this.core.host.storeStanding(Date.now())) as Standing
  }

  get waits(): boolean {
    return this.core.guard(() => this.core.host.storeStrict())
  }

  settings(): void {}

  async own(): Promise<void> {}

  /** Writes what is new, unless that is under way. */
  run(): void {
    this.asked = true
    if (!this.running && !this.closed && this.timer === undefined) this.running = this.write()
  }

  /** Takes a new snapshot. */
  compact(): void {
    this.core.guard(() => this.core.host.storeCompact(Date.now()))
    this.run()
  }

  /** Resolves when everything written so far is stored. Fails if it cannot be stored now; it may be later. */
  flush(): Promise<void> {
    const { offset, stored, readOnly } = this.standing()
    if (readOnly) return Promise.reject(this.over())
    if (stored >= offset && !this.unsure) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.waiting.push({ offset, resolve, reject })
      this.hurry()
    })
  }

  /** Writes now what failed and is to be tried again. */
  hurry(): void {
    this.wake()
    this.run()
  }

  /** Stores what is not stored, and gives the folder free. Fails if something could not be stored. */
  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      this.stop()
    }
  }

  stop(reason = this.error ?? new StorageError('FAILED', 'the database was closed')): void {
    this.closed = true
    clearTimeout(this.timer)
    this.reject(reason)
    this.folder?.close()
  }

  /** Resolves when what is new was written, or cannot be. */
  async drain(): Promise<void> {
    this.hurry()
    while (this.running) await this.running
  }

  /** The browser has closed the connection, or somebody wants to remove the database. */
  doubt(): void {
    this.unsure = true
    this.hurry()
  }

  /** Nothing is written because of this. */
  fail(error: StorageError): void {
    if (error.code === 'LOCKED' && this.events.lost && !this.closed) return this.events.lost()
    this.tell(error)
    // The engine may have ended with it.
    if (this.closed) return
    const { readOnly } = this.standing()
    if (readOnly) this.reject(error)
    else this.settle(error)
    // Those who wait for it in other tabs are told, too.
    this.events.stepped?.(false)
    this.core.stores()
    // What was removed does not come back.
    if (error.code === 'GONE') this.unsure = false
    if (readOnly) return
    this.pause = Math.min(Math.max(this.pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
    this.timer = setTimeout(() => this.hurry(), this.pause)
  }

  /** Why nothing is written any more. */
  private over(): StorageError {
    return this.error ?? new StorageError('LOCKED', 'nothing is written any more')
  }

  private async write(): Promise<void> {
    try {
      for (let next = GO_ON; (next !== NOTHING || this.asked) && !this.closed; ) {
        if (this.unsure) await this.ensure()
        this.asked = false
        next = await this.core.guardAsync(() => this.core.host.storeStep(Date.now()))
        if (next === GO_ON) {
          this.pause = 0
          if (this.error) this.tell(null)
          this.settle()
        }
        this.events.stepped?.(next === GO_ON)
        if (next === GO_ON) this.core.stores()
        if (next === LET_OTHERS) await breathe()
      }
      if (!this.closed) this.core.reschedule()
      this.settle()
    } catch (error) {
      this.fail(storageError(error))
    } finally {
      // Not later: what asks for more from here on begins anew.
      this.running = undefined
    }
  }

  private async ensure(): Promise<void> {
    const ours = await this.core.guardAsync(() => this.core.host.isClaimed())
    this.unsure = false
    if (!ours) throw new StorageError('LOCKED', 'another tab has what is stored')
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
    this.events.tell(error)
  }

  /** Answers those whose changes are stored; with an error, all others too. */
  private settle(error?: StorageError): void {
    if (this.waiting.length === 0) return
    const { stored } = this.standing()
    this.waiting = this.waiting.filter(({ offset, resolve }) => stored < offset || void resolve())
    if (error) this.reject(error)
  }

  private reject(error: StorageError): void {
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }
}

/** What the engine has found. */
export interface Report {
  fresh: boolean
  torn: number
  damage?: string
}

export type OnProgress = (progress: Progress) => void

/** Claims what is stored, and loads what is not here. `meanwhile` is called now and then. */
export function claim(core: Core, others: string[], onProgress?: OnProgress, meanwhile?: () => void): Promise<Report> {
  const pause = (done: number, total: number) => {
    onProgress?.({ done, total })
    meanwhile?.()
    return breathe()
  }
  return core.guardAsync(() => core.host.claimStore(pause, others, Date.now())) as Promise<Report>
}

/** What is stored is not what was written; `kept` says where it still is. */
export function damaged(what: string, kept: string): StorageError {
  return new StorageError('DAMAGED', `${what}: what is good before it was loaded, nothing will be written; ${kept}`)
}

/** Says outside of IndexedDB that something is stored under a name: browsers have been seen to lose databases. */
export const mark = (name: string) => `tabdis:${name}`

/** Where that is said; nowhere in workers, or where it is forbidden. */
export function marks(): Storage | undefined {
  try {
    return globalThis.localStorage
  } catch {
    return undefined
  }
}

export function keep(mark: string): void {
  try {
    marks()?.setItem(mark, '1')
  } catch {
    // It is full: then nothing is said should the database be lost.
  }
}

/** Removes everything stored under `name`, and nothing else. Fails with LOCKED while it is open. */
export async function remove(name: string): Promise<void> {
  if (hasFiles()) return removeFolder(name)
  const lock = await patient(name)
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.deleteDatabase(`tabdis:${name}`)
      request.onsuccess = () => resolve()
      request.onerror = () => reject(storageError({ code: 'FAILED', message: String(request.error) }))
      // Connections of ours end when they hear of it.
      const message = `'${name}' is in use by something that does not end its connection; it will be removed when that is closed`
      timer = setTimeout(() => reject(new StorageError('LOCKED', message)), REMOVE_PATIENCE)
    })
    marks()?.removeItem(mark(name))
  } finally {
    clearTimeout(timer)
    lock.release()
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
  // Whoever wants to remove it need not wait.
  database.onversionchange = () => database.close()
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
 * Takes the lock that the tab holds which writes what is stored under `name`, until it is released or the tab is gone. Fails with LOCKED
 * if another tab keeps it. Where there are no locks (plain http), the claim in the store itself keeps two tabs apart.
 */
export async function patient(name: string): Promise<Held> {
  if (!hasLocks()) return unlocked()
  const signal = AbortSignal.timeout(LOCK_PATIENCE)
  try {
    return (await take(`tabdis:${name}`, { signal }))!
  } catch (error) {
    const late = signal.aborted
    const message = late ? `'${name}' is open in another tab` : `the lock of '${name}' was refused`
    throw new StorageError(late ? 'LOCKED' : 'UNAVAILABLE', message, { cause: error })
  }
}

/** The engine fails with a word and a sentence. */
export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  const { code, message } = (error ?? {}) as { code?: StorageCode; message?: string }
  return new StorageError(code ?? 'FAILED', message ?? String(error), { cause: error })
}
