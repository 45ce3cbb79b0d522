// `tabdis/unstorage`: a driver for unstorage: `createStorage({ driver: tabdisDriver({ db }) })`.
import type { Driver } from 'unstorage'
import type { Db } from './db.js'

export interface DriverOptions {
  db: Db
  /** What is before the keys in the database. */
  base?: string
  /** How long items are kept, seconds; `setItem` has it, too. */
  ttl?: number
}

/** Items are strings under their keys (`a:b:c`), raw ones bytes. */
export function tabdisDriver(options: DriverOptions): Driver<DriverOptions, Db> {
  const { db, base = '', ttl } = options
  const prefix = base && `${base.replace(/:$/, '')}:`
  const seconds = (given: unknown) => (given as { ttl?: number } | undefined)?.ttl ?? ttl
  const pattern = (start = '') => `${(prefix + start).replace(/[\\*?[\]^-]/g, '\\$&')}*`
  const set = async (key: string, value: string | Uint8Array, given: unknown) => {
    const end = seconds(given)
    await (end === undefined ? db.set(prefix + key, value) : db.set(prefix + key, value, 'PX', Math.max(Math.ceil(end * 1000), 1)))
  }
  const keys = async (start?: string) => {
    const found: string[] = []
    for await (const key of db.scanIterator({ match: pattern(start), count: 1000 })) found.push(key.slice(prefix.length))
    return found
  }
  return {
    name: 'tabdis',
    options,
    getInstance: () => db,
    hasItem: async (key) => (await db.exists(prefix + key)) === 1,
    getItem: (key) => db.get(prefix + key),
    getItems: async (items) => {
      const values = items.length > 0 ? await db.mget(...items.map(({ key }) => prefix + key)) : []
      return items.map(({ key }, n) => ({ key, value: values[n] ?? null }))
    },
    getItemRaw: (key) => db.bytes.get(prefix + key),
    setItem: (key, value, given) => set(key, value, given),
    setItemRaw: (key, value, given) => set(key, value as Uint8Array, given),
    removeItem: async (key) => void (await db.unlink(prefix + key)),
    getKeys: (start) => keys(start),
    async clear(start) {
      const found = await keys(start)
      while (found.length > 0) await db.call('UNLINK', ...found.splice(0, 1000).map((key) => prefix + key))
    },
    async getMeta(key) {
      const left = Number(await db.pttl(prefix + key))
      return left > 0 ? { ttl: left / 1000 } : null
    },
    watch(callback) {
      let known = new Set<string>()
      let begun = false
      const values = new Map<string, () => void>()
      // What comes and goes is told by its name, what changes by its value.
      const stop = db.live({ pattern: pattern('') }, (names) => {
        const now = new Set(names)
        for (const name of known) {
          if (now.has(name)) continue
          values.get(name)?.()
          values.delete(name)
          callback('remove', name.slice(prefix.length))
        }
        for (const name of now) {
          if (known.has(name)) continue
          // What was there when the watching began is no news.
          let quiet = !begun
          const tell = (value: unknown) => {
            // That it is gone is told by its name.
            if (!quiet && value !== null) callback('update', name.slice(prefix.length))
            quiet = false
          }
          values.set(name, db.live(name, tell))
        }
        known = now
        begun = true
      })
      return () => {
        stop()
        for (const end of values.values()) end()
      }
    },
  }
}

export default tabdisDriver
