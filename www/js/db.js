// The one place that knows the package's API: everything else on the page works with `Store` and its clients.

/** Opens the database `name`, or one in memory where the browser gives no storage. Fails if the engine cannot start. */
export async function openStore(name) {
  const { open } = await import('tabdis')
  const start = performance.now()
  try {
    if (typeof indexedDB === 'undefined') throw new DOMException('there is no IndexedDB', 'InvalidStateError')
    return new Store(await open(name), performance.now() - start)
  } catch (error) {
    if (!isStorageError(error)) throw error
    return new Store(await open(), performance.now() - start, error)
  }
}

/** The engine as the page needs it. */
export class Store {
  constructor(db, openMs, storageError = null) {
    this.db = db
    this.openMs = openMs
    /** Why the data is in memory only; null if it is stored. */
    this.storageError = storageError
    this.commands = db.commands
    /** True when the engine has stopped. */
    this.dead = false
    db.on('error', () => (this.dead = true))
    db.on('request', (word) => (this.dead ||= isShutdown(word)))
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

  /** Returns `{keys, memory, stored, bytes, unsaved}`; `stored` is false where the data lives in memory only. */
  status() {
    const { keys, usedMemory, storage } = this.db.status()
    return { keys, memory: usedMemory, stored: storage.mode !== 'memory', bytes: storage.bytes, unsaved: storage.pending }
  }

  /** Calls `listener` when data changed, also from another tab. */
  onChange(listener) {
    this.db.on('change', listener)
  }

  /** Calls `listener(error)` when storage failed, and `listener(null)` when it works again. */
  onStorage(listener) {
    this.db.on('storage', ({ error }) => listener(error))
  }

  /** Calls `listener(error)` when the engine has stopped and nothing works any more; `listener(null)` when SHUTDOWN did it. */
  onDead(listener) {
    this.db.on('error', listener)
    this.db.on('request', (word) => isShutdown(word) && listener(null))
  }

  /** Resolves when everything written so far is stored. */
  async flush() {
    await this.db.flush()
  }
}

const isShutdown = (word) => word.startsWith('shutdown')

function isStorageError(error) {
  return /indexeddb|storage|SecurityError|InvalidStateError|QuotaExceeded/i.test(`${error?.name} ${error?.code} ${error?.message}`)
}
