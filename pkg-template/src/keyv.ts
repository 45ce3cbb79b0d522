// `tabdis/keyv`: keeps what a Keyv has in a database: `new Keyv({ store: new KeyvTabdis(db) })`.
import type { KeyvStoreAdapter, StoredData } from 'keyv'
import type { Db } from './db.js'

type Listener = (...args: unknown[]) => void

export class KeyvTabdis implements KeyvStoreAdapter {
  /** Keyv goes over the keys of dialects that it knows. */
  readonly opts = { dialect: 'redis', url: 'tabdis:' }
  /** Set by Keyv, which puts it before its keys. */
  namespace?: string | undefined
  private readonly ends: (() => void)[] = []

  constructor(private readonly db: Db) {}

  async get<Value>(key: string): Promise<StoredData<Value> | undefined> {
    return ((await this.db.get(key)) ?? undefined) as StoredData<Value> | undefined
  }

  async getMany<Value>(keys: string[]): Promise<StoredData<Value | undefined>[]> {
    const values = keys.length > 0 ? await this.db.mget(...keys) : []
    return values.map((value) => value ?? undefined) as StoredData<Value | undefined>[]
  }

  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    const text = value as string
    await (ttl === undefined ? this.db.set(key, text) : this.db.set(key, text, 'PX', Math.max(Math.ceil(ttl), 1)))
    return true
  }

  async delete(key: string): Promise<boolean> {
    return (await this.db.unlink(key)) === 1
  }

  async deleteMany(keys: string[]): Promise<boolean> {
    return keys.length > 0 && Number(await this.db.call('UNLINK', ...keys)) > 0
  }

  async has(key: string): Promise<boolean> {
    return (await this.db.exists(key)) === 1
  }

  /** Removes all keys of the namespace; without one, all there are. */
  async clear(): Promise<void> {
    if (this.namespace === undefined) return void (await this.db.flushdb())
    const keys: string[] = []
    for await (const key of this.db.scanIterator({ match: `${escape(this.namespace)}:*`, count: 1000 })) keys.push(key)
    while (keys.length > 0) await this.db.call('UNLINK', ...keys.splice(0, 1000))
  }

  /** Goes over keys and values. Keyv's own namespace is before the keys. */
  async *iterator<Value>(namespace?: string): AsyncGenerator<(string | Awaited<Value> | undefined)[], void> {
    const match = namespace === undefined ? '*' : `${escape(namespace)}:*`
    for await (const key of this.db.scanIterator({ match, count: 100, type: 'string' })) {
      const value = await this.db.get(key)
      if (value !== null) yield [key, value as Awaited<Value>]
    }
  }

  /** The database is its owner's: nothing ends with this. */
  async disconnect(): Promise<void> {
    for (const end of this.ends.splice(0)) end()
  }

  on(event: string, listener: Listener): this {
    if (event === 'error') this.ends.push(this.db.on('storage', ({ error }) => error && listener(error)))
    return this
  }
}

/** A name as a part of a pattern. */
function escape(name: string): string {
  return name.replace(/[\\*?[\]^-]/g, '\\$&')
}

export default KeyvTabdis
