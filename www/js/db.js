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
  }

  /** Returns a new client: its own selected database, transaction and subscriptions. */
  client(onpush = () => {}) {
    const session = this.db.session()
    session.onpush = onpush
    return {
      /** Returns the typed reply to `args` (strings or bytes). An error of Redis is a reply, not a rejection. */
      raw: (args) => session.raw(args),
      close: () => session.close?.(),
    }
  }

  /** Returns `{keys, memory, mode, bytes, unsaved}`. */
  async status() {
    const info = await this.db.info()
    const storage = info.storage ?? {}
    return {
      keys: Number(info.keys ?? 0),
      memory: Number(info.used_memory ?? 0),
      mode: this.storageError ? 'memory' : (storage.mode ?? 'memory'),
      bytes: storage.bytes === undefined ? null : Number(storage.bytes),
      unsaved: Boolean(storage.pending),
    }
  }

  /** Calls `listener` when data changed, also from another tab. */
  onChange(listener) {
    this.db.on('change', listener)
  }

  /** Calls `listener(error | null)` when a write to storage failed or went well again. */
  onStorage(listener) {
    this.db.on('storage', (event) => listener(event?.error ?? null))
    this.db.on('error', (error) => listener(error?.error ?? error))
  }

  /** Resolves when everything written so far is stored. */
  async flush() {
    await this.db.flush()
  }
}

function isStorageError(error) {
  return /indexeddb|storage|SecurityError|InvalidStateError|QuotaExceeded/i.test(`${error?.name} ${error?.code} ${error?.message}`)
}
