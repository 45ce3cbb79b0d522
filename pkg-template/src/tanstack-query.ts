// A persister for TanStack Query: `persistQueryClient({ queryClient, persister: createPersister({ db }) })`.
import type { Db } from './db.js'

export interface PersisterOptions {
  /** Where the cache is kept. The database stays its owner's: to close it, too. */
  db: Db | Promise<Db>
  /** The key it is kept under. `REACT_QUERY_OFFLINE_CACHE` if nothing is said, as with TanStack's own persisters. */
  key?: string
  /** At most once in so many ms is it written: every query that changes asks for it. 1000 if nothing is said. */
  throttleTime?: number
  /** What becomes of a change that could not be written. It is dropped if nothing is said: the next one has all of it. */
  onError?: (error: unknown) => void
}

/** What TanStack calls a persister, of the clients that it calls `PersistedClient`. */
export interface TabdisPersister<Client> {
  persistClient(client: Client): void
  restoreClient(): Promise<Client | undefined>
  removeClient(): Promise<void>
}

/** Keeps the cache of a query client as JSON under one key. The client is of any type here: TanStack's own fits, unimported. */
export function createPersister<Client = any>(options: PersisterOptions): TabdisPersister<Client> {
  const { key = 'REACT_QUERY_OFFLINE_CACHE', throttleTime = 1000, onError = () => undefined } = options
  const opened = Promise.resolve(options.db)
  // Who uses it hears of a database that could not be opened; nobody may have used it yet.
  opened.catch(() => undefined)
  let timer: ReturnType<typeof setTimeout> | undefined
  let latest: Client | undefined

  async function write(): Promise<void> {
    timer = undefined
    const client = latest
    latest = undefined
    const db = await opened
    await db.set(key, JSON.stringify(client))
  }

  return {
    persistClient(client) {
      latest = client
      timer ??= setTimeout(() => void write().catch(onError), throttleTime)
    },
    async restoreClient() {
      const text = await (await opened).get(key)
      return text === null ? undefined : (JSON.parse(text) as Client)
    },
    async removeClient() {
      // What waits to be written would bring it back.
      clearTimeout(timer)
      timer = latest = undefined
      await (await opened).del(key)
    },
  }
}
