// The one place that knows the package's API: everything else on the page works with `Store` and its clients.

/**
 * Opens the database `name`, or an empty one in memory where that cannot be had. `onProgress({ done, total })` is called while it loads.
 * Fails if the engine cannot start.
 */
export async function openStore(name, onProgress) {
  const { open, StorageError } = await import('tabdis')
  const start = performance.now()
  try {
    return new Store(name, await open(name, { onProgress }), performance.now() - start)
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return new Store(name, await open(), performance.now() - start, error)
  }
}

/** The engine as the page needs it. */
export class Store {
  /** True when the engine has stopped. */
  dead = false

  constructor(name, db, openMs, refused = null) {
    this.name = name
    this.db = db
    this.openMs = openMs
    this.commands = db.commands
    /** Why the database is not the stored one, or not all of it: an error with a `code`; null if all is well. */
    this.openError = refused ?? db.status().storage.error
    this.onDead(() => (this.dead = true))
  }

  /** Returns a new client: its own selected database, transaction and subscriptions. `onclose` is called if the engine ends it. */
  client({ name, onpush, onclose } = {}) {
    const session = this.db.session({ name })
    session.onpush = onpush
    session.onclose = onclose
    return {
      /** Returns the typed reply to `args` (strings or bytes). An error of Redis is a reply, not a rejection. */
      raw: (args) => session.raw(args),
      close() {
        session.onclose = undefined
        session.close()
      },
    }
  }

  /**
   * Returns `{keys, memory, stored, bytes, unsaved, error, mode, rescuable}`: `stored` is false where the data lives in memory only,
   * `mode` is what is promised, `rescuable` says that there are stored bytes that cannot all be read.
   */
  status() {
    const { keys, usedMemory, storage } = this.db.status()
    const { mode, durability, bytes, pending, error, readOnly } = storage
    const stored = mode !== 'memory'
    return { keys, memory: usedMemory, stored, bytes, unsaved: pending, error, mode: durability, rescuable: readOnly || ['DAMAGED', 'NEWER'].includes(this.openError?.code) }
  }

  /** Returns how this tab stands among those that have the database: `{role, name, leader, offset, waiting}`; null if there can be none. */
  tabs() {
    return this.dead ? null : this.db.status().tabs
  }

  /** Calls `listener` when this tab leads or follows. */
  onRole(listener) {
    this.db.on('role', listener)
  }

  /** Ends the engine as when the tab is gone. */
  terminate() {
    this.dead = true
    this.db.terminate()
  }

  /** Returns `{usage, quota, persisted}` as the browser says it; without what it does not say. */
  room() {
    return this.db.estimate()
  }

  /** Asks the browser not to remove the data when the disk is full. Returns whether it will not. */
  persist() {
    return this.db.requestPersistence()
  }

  /** Returns the data as an RDB file. */
  save(options) {
    return this.db.export(options)
  }

  /** Replaces the data by that of an RDB file. */
  load(file, options) {
    return this.db.import(file, options)
  }

  /** Returns the stored bytes as they are, good or not. */
  async rescue() {
    const { rescue } = await import('tabdis')
    return rescue(this.name)
  }

  /** Calls `listener` when data changed, also from another tab. */
  onChange(listener) {
    this.db.on('change', listener)
  }

  /** Calls `listener(error)` when storage failed, and `listener(null)` when it works again; never for a database in memory. */
  onStorage(listener) {
    this.db.on('storage', ({ error }) => this.status().stored && listener(error))
  }

  /** Calls `listener(error)` when the engine has stopped and nothing works any more; `listener(null)` when SHUTDOWN did it. */
  onDead(listener) {
    this.db.on('error', listener)
    this.db.on('request', (word) => word.startsWith('shutdown') && listener(null))
  }

  /** Resolves when everything written so far is stored, at once in memory. Fails if it cannot be stored. */
  async flush() {
    if (this.status().stored) await this.db.flush()
  }
}
