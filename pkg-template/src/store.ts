// Keeps a database in IndexedDB, or in files: when to write, how often to try again, who may write at all. What is written is Rust's.
import { breathe } from './breathe.js'
import type { Core } from './core.js'
import { StorageError, type StorageCode } from './errors.js'
import { Folder, hasFiles, removeFolder } from './files.js'
import type { Progress } from './transfer.js'

/** What the engine says to do next. */
const [NOTHING, GO_ON, LET_OTHERS] = [0, 1, 2]

/** How long a tab waits for one that is being closed or reloaded, and for those that keep a database from being removed (ms). */
const [LOCK_PATIENCE, REMOVE_PATIENCE] = [2_000, 5_000]
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
  /** The page is put aside: others may have the database. What is written nevertheless is only written if nobody has. */
  private away = false
  /** Others may have had the database, or removed it. */
  private unsure = false
  /** Ends the listening to the page. */
  private readonly listening = new AbortController()
  private marked = false

  private constructor(
    private readonly core: Core,
    private readonly name: string,
    /** Where data is kept. */
    readonly mode: 'indexeddb' | 'files',
    /** Bytes that were not whole at the end of what was found. */
    readonly torn: number,
    private unlock: (() => void) | undefined,
    private readonly onchange: (error: StorageError | null) => void,
  ) {}

  /**
   * Loads what is stored under `name` and keeps what changes. Fails with a StorageError: LOCKED while another tab or process has it, DAMAGED
   * or NEWER when it cannot be read, UNAVAILABLE when there is no IndexedDB.
   */
  static async open(core: Core, name: string, strict: boolean, onchange: (error: StorageError | null) => void, onProgress?: OnProgress): Promise<Store> {
    const folder = hasFiles() ? await Folder.open(name) : undefined
    const unlock = folder ? () => folder.close() : await lock(name)
    const pause = (done: number, total: number) => {
      onProgress?.({ done, total })
      return breathe()
    }
    let store: Store | undefined
    try {
      const report = (await core.guardAsync(() => core.host.openStore(name, strict, pause, () => store?.doubt(), folder, Date.now()))) as Report
      store = new Store(core, name, folder ? 'files' : 'indexeddb', report.torn, unlock, onchange)
      if (!folder) store.follow()
      if (report.damage) store.damaged(report.damage)
      else if (report.fresh && !folder && marks()?.getItem(mark(name))) {
        const error = new StorageError('GONE', `what was stored under '${name}' is gone: the browser, or somebody, has removed it`)
        // Told when there is somebody to hear it.
        setTimeout(() => store?.tell(error), 0)
      }
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

  /** Whether promises of commands resolve when the change is on the disk. */
  get strict(): boolean {
    return this.core.guard(() => this.core.host.storeStrict())
  }

  /** Writes what is new, unless that is under way. */
  run(): void {
    this.asked = true
    if (!this.running && !this.closed && this.timer === undefined) void this.write()
  }

  /** Takes a new snapshot. */
  compact(): void {
    this.core.guard(() => this.core.host.storeCompact(Date.now()))
    this.run()
  }

  /** Resolves when everything written so far is stored. Fails if it cannot be stored now; it may be later. */
  flush(): Promise<void> {
    const { offset, stored, readOnly } = this.standing()
    if (stored >= offset && !readOnly && !this.unsure) return Promise.resolve()
    if (readOnly && !this.unsure) return Promise.reject(this.over())
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
    this.listening.abort()
    this.reject(this.error ?? new StorageError('FAILED', 'the database was closed'))
    this.release()
  }

  /**
   * Gives the database up when the page is put aside, so that other tabs need not wait for it and the page may be kept for the way
   * back. When the page comes back, it is taken again.
   */
  private follow(): void {
    if (typeof document === 'undefined') return
    const { signal } = this.listening
    addEventListener('pagehide', () => this.leave(), { signal })
    addEventListener('pageshow', () => this.comeBack(), { signal })
    document.addEventListener('freeze', () => this.leave(), { signal })
    document.addEventListener('resume', () => this.comeBack(), { signal })
    // It may be the last thing this page hears: what failed is tried now, not in a while.
    const hurry = () => document.visibilityState === 'hidden' && (this.wake(), this.run())
    document.addEventListener('visibilitychange', hurry, { signal })
  }

  private leave(): void {
    if (this.away || this.closed) return
    this.away = this.unsure = true
    this.wake()
    this.run()
    this.release()
    // Behind what `run` has begun.
    queueMicrotask(() => this.disconnect())
  }

  private comeBack(): void {
    if (!this.away || this.closed) return
    this.away = false
    this.wake()
    this.run()
  }

  /** Closes the connection of a page that is put aside; a transaction under way comes to its end. */
  private disconnect(): void {
    if (this.away && !this.running && !this.closed) this.core.guard(() => this.core.host.closeStore())
  }

  private release(): void {
    this.unlock?.()
    this.unlock = undefined
  }

  /** The browser has closed the connection, or somebody wants to remove the database. */
  private doubt(): void {
    this.unsure = true
    if (!this.away) this.run()
  }

  /** Makes sure that the database is ours; if another tab has written to it meanwhile, takes over what it has written. */
  private async regain(): Promise<void> {
    if (!this.unlock) {
      const unlock = await lock(this.name)
      if (this.away || this.closed) return unlock()
      this.unlock = unlock
    }
    const { offset, stored } = this.standing()
    const found = (await this.core.guardAsync(() => this.core.host.regainStore(breathe, Date.now()))) as Report | undefined
    this.unsure = false
    if (!found || this.closed) return
    if (found.damage) return this.damaged(found.damage)
    if (offset > stored) {
      const error = new StorageError('LOCKED', `another tab has changed '${this.name}': changes of this one that were not stored are lost`)
      this.tell(error)
      this.waiting = this.waiting.filter((waiter) => waiter.offset <= stored || void waiter.reject(error))
    }
    for (const { resolve } of this.waiting.splice(0)) resolve()
    this.core.replaced()
  }

  private async write(): Promise<void> {
    this.running = true
    try {
      for (let next = GO_ON; (next !== NOTHING || this.asked) && !this.closed; ) {
        if (this.unsure && !this.away) {
          await this.regain()
          continue
        }
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
      this.disconnect()
    }
  }

  private succeed(): void {
    this.pause = 0
    if (!this.marked && this.mode === 'indexeddb') {
      this.marked = true
      keep(mark(this.name))
    }
    if (this.error) this.tell(null)
    this.settle()
  }

  private fail(error: StorageError): void {
    this.tell(error)
    // The engine may have ended with it.
    if (this.closed) return
    const { readOnly } = this.standing()
    if (this.unsure || readOnly) this.reject(error)
    else this.settle(error)
    // What was removed does not come back; what another tab has may be given back.
    if (error.code === 'GONE') this.unsure = false
    if (readOnly && !this.unsure) return
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
    this.waiting = left
    if (error) this.reject(error)
  }

  private reject(error: StorageError): void {
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }

  private damaged(what: string): void {
    const bytes = this.mode === 'files' ? 'the files are still all there' : `rescue('${this.name}') gives you the stored bytes`
    this.fail(new StorageError('DAMAGED', `${what}: what is good before it was loaded, nothing will be written; ${bytes}`))
  }
}

/** What the engine has found. */
interface Report {
  fresh: boolean
  torn: number
  damage?: string
}

type OnProgress = (progress: Progress) => void

/** Says outside of IndexedDB that something is stored under a name: browsers have been seen to lose databases. */
const mark = (name: string) => `tabdis:${name}`

/** Where that is said; nowhere in workers, or where it is forbidden. */
function marks(): Storage | undefined {
  try {
    return globalThis.localStorage
  } catch {
    return undefined
  }
}

function keep(mark: string): void {
  try {
    marks()?.setItem(mark, '1')
  } catch {
    // It is full: then nothing is said should the database be lost.
  }
}

/** Removes everything stored under `name`, and nothing else. Fails with LOCKED while it is open. */
export async function remove(name: string): Promise<void> {
  if (hasFiles()) return removeFolder(name)
  const unlock = await lock(name)
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
