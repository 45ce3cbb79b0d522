// The stores that are compared, for pages: each opened the same way, with the same few things it can do.
//
// `open(name, durability)` returns `{ set, setMany, entries, close }`. All resolve when the transaction is complete.
import { open as openTabdis, remove as removeTabdis } from '/pkg/dist/index.js'
import { Dexie } from '/node_modules/dexie/dist/modern/dexie.mjs'
import * as keyval from '/node_modules/idb-keyval/dist/index.js'
import '/node_modules/localforage/dist/localforage.js'

const { localforage } = globalThis

/** What transactions get that say nothing of it themselves: idb-keyval and localForage have no setting for it. */
let ambient
const { transaction } = IDBDatabase.prototype
IDBDatabase.prototype.transaction = function (stores, mode, options) {
  return transaction.call(this, stores, mode, { ...(ambient && { durability: ambient }), ...options })
}

export const stores = {
  async tabdis(name, durability) {
    const db = await openTabdis(name, { durability })
    const stored = durability === 'strict' ? () => {} : () => db.flush()
    return {
      set: async (key, value) => (await db.set(key, value), stored()),
      setMany: async (pairs) => (await db.mset(...pairs.flat()), stored()),
      close: () => db.close(),
    }
  },

  async 'idb-keyval'(name, durability) {
    ambient = durability
    const store = keyval.createStore(name, 'keyval')
    return {
      set: (key, value) => keyval.set(key, value, store),
      setMany: (pairs) => keyval.setMany(pairs, store),
      entries: () => keyval.entries(store),
      // It never closes its connection.
      close() {},
    }
  },

  async Dexie(name, durability) {
    const db = new Dexie(name, { chromeTransactionDurability: durability })
    db.version(1).stores({ rows: 'key' })
    await db.open()
    return {
      set: (key, value) => db.rows.put({ key, value }),
      setMany: (pairs) => db.rows.bulkPut(pairs.map(([key, value]) => ({ key, value }))),
      entries: () => db.rows.toArray(),
      close: () => db.close(),
    }
  },

  async localForage(name, durability) {
    ambient = durability
    const db = localforage.createInstance({ name, driver: localforage.INDEXEDDB })
    await db.ready()
    return {
      set: (key, value) => db.setItem(key, value),
      // It has no batches.
      setMany: (pairs) => Promise.all(pairs.map(([key, value]) => db.setItem(key, value))),
      close() {},
    }
  },
}

/** Removes what a store keeps under `name`, once that is closed. What has no way to be closed goes with the profile. */
export async function removeStore(peer, name) {
  if (peer === 'tabdis') await removeTabdis(name)
  if (peer === 'Dexie') await Dexie.delete(name)
}

/** A key of 16 bytes and a value of 100. */
export const pair = (n) => [`key:${String(n).padStart(12, '0')}`, `${String(n * 7919).padStart(12, '0')}${'value '.repeat(15)}`.slice(0, 100)]

/** Pairs from `first` on. */
export const pairs = (first, count) => Array.from({ length: count }, (_, n) => pair(first + n))
