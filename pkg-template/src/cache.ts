// `tabdis/cache`: what a function has fetched, kept for a while, and fetched by one tab at a time.
import type { View } from './view.js'

/** How long a value is good, in ms, and what it belongs to. */
export interface CacheOptions {
  /** It is fresh for so long. */
  ttl: number
  /** After that it is still returned for so long, while it is fetched anew: 0. */
  staleWhileRevalidate?: number
  /** After that it is still returned for so long when fetching fails off-line: a day. */
  staleOffline?: number
  /** `invalidate` of one of these makes it as if it had never been there. */
  tags?: readonly string[]
}

/** How a cache works. */
export interface CacheSettings {
  /** What the names of its keys begin with: `cache:`. */
  prefix?: string
  /** How long a tab that fetches keeps others from doing so, in ms; should it end without a word, they go on then: 10,000. */
  lock?: number
  /** Whether there is no network: what the browser says. */
  isOffline?: () => boolean
}

/** Fetches a value that JSON can hold. */
export type Fetcher<T> = () => T | Promise<T>

export interface Cache {
  /** Returns the value of `key`, fetched by `fetcher` if it is not there or not fresh. Fails as the fetcher does. */
  cached<T>(key: string, fetcher: Fetcher<T>, options: CacheOptions): Promise<T>
  /** Makes all values with this tag be fetched anew, also those that are being fetched just now. */
  invalidate(tag: string): Promise<void>
  /** Removes a value. */
  delete(key: string): Promise<void>
}

/** What is stored of a value: when it stops being fresh, and the marks its tags had before it was fetched. */
interface Entry {
  fresh: number
  marks: { [tag: string]: string }
  value: unknown
}

const DAY = 86_400_000

/** Returns a cache that is kept in `db`. */
export function createCache(db: View, settings: CacheSettings = {}): Cache {
  const cache = new Keeper(db.namespace(settings.prefix ?? 'cache:'), settings.lock ?? 10_000, settings.isOffline ?? isOffline)
  return {
    cached: (key, fetcher, options) => cache.cached(key, fetcher, options),
    invalidate: (tag) => cache.invalidate(tag),
    delete: (key) => cache.delete(key),
  }
}

class Keeper {
  /** What this tab fetches just now. */
  private readonly running = new Map<string, Promise<unknown>>()

  constructor(
    private readonly db: View,
    private readonly lock: number,
    private readonly isOffline: () => boolean,
  ) {}

  async cached<T>(key: string, fetcher: Fetcher<T>, options: CacheOptions): Promise<T> {
    const entry = this.entry(key)
    const age = entry && this.db.core.now() - entry.fresh
    if (entry && age! < 0) return entry.value as T
    if (entry && age! < (options.staleWhileRevalidate ?? 0)) {
      // Nobody waits for it, but somebody has to hear of it, once; off-line it is no news.
      if (!this.running.has(key)) this.once(key, fetcher, options).catch((error) => this.isOffline() || this.db.core.report(error))
      return entry.value as T
    }
    try {
      return (await this.once(key, fetcher, options)) as T
    } catch (error) {
      const stale = this.isOffline() ? this.entry(key) : undefined
      if (stale) return stale.value as T
      throw error
    }
  }

  async invalidate(tag: string): Promise<void> {
    // Not removed, but marked: what is being fetched just now has the old mark.
    await this.db.set(`t:${tag}`, mark())
  }

  async delete(key: string): Promise<void> {
    await this.db.del(`v:${key}`)
  }

  /** Returns what is stored, unless a tag was invalidated since. */
  private entry(key: string): Entry | undefined {
    const text = this.db.sync.get(`v:${key}`)
    if (text === null) return undefined
    const entry = JSON.parse(text) as Entry
    const tags = Object.keys(entry.marks)
    const marks = tags.length ? this.db.sync.mget(...(tags.map((tag) => `t:${tag}`) as [string])) : []
    return tags.every((tag, i) => marks[i] === entry.marks[tag]) ? entry : undefined
  }

  private once(key: string, fetcher: Fetcher<unknown>, options: CacheOptions): Promise<unknown> {
    const running = this.running.get(key) ?? this.fetch(key, fetcher, options).finally(() => this.running.delete(key))
    this.running.set(key, running)
    return running
  }

  /** Fetches the value, or waits until another tab has. */
  private async fetch(key: string, fetcher: Fetcher<unknown>, { ttl, staleWhileRevalidate = 0, staleOffline = DAY, tags = [] }: CacheOptions): Promise<unknown> {
    const token = mark()
    while ((await this.db.set(`l:${key}`, token, 'NX', 'PX', this.lock)) === null) {
      await this.released(key)
      const entry = this.entry(key)
      if (entry && this.db.core.now() < entry.fresh) return entry.value
    }
    try {
      const marks = await this.marks(tags)
      const value = await fetcher()
      const entry: Entry = { fresh: this.db.core.now() + ttl, marks, value }
      // A value that JSON has no word for would come back as another one.
      if (JSON.stringify(value) === undefined) throw new TypeError(`what was fetched for '${key}' is nothing that JSON can hold`)
      await this.db.set(`v:${key}`, JSON.stringify(entry), 'PX', Math.ceil(ttl + staleWhileRevalidate + staleOffline))
      return value
    } finally {
      await this.db.delifeq(`l:${key}`, token)
    }
  }

  /** Returns the marks of the tags; those that have none get one, so that a mark that is lost is not taken for one that is the same. */
  private async marks(tags: readonly string[]): Promise<Entry['marks']> {
    const unit = this.db.multi()
    for (const tag of tags) unit.call('SET', `t:${tag}`, mark(), 'NX').call('GET', `t:${tag}`)
    const all = tags.length ? ((await unit.exec()) as unknown as string[]) : []
    return Object.fromEntries(tags.map((tag, i) => [tag, all[2 * i + 1]!]))
  }

  /** Resolves when nobody fetches the value any more. */
  private released(key: string): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.db.live(`l:${key}`, (token) => {
        if (token !== null) return
        stop()
        resolve()
      })
    })
  }
}

function mark(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-')
}

function isOffline(): boolean {
  return (globalThis.navigator as Navigator | undefined)?.onLine === false
}
