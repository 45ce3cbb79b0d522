// Databases that several tabs share, behind one interface: `write(key, value)` from any tab, `read(key)`, and `watch(key, told)`, which calls
// `told(value)` whenever the value has changed, in whatever tab. All are kept in IndexedDB.

export const shared = {
  async tabdis(name) {
    const { open } = await import('/pkg/dist/index.js')
    const db = await open(name)
    return {
      write: (key, value) => db.set(key, value),
      read: (key) => db.get(key),
      async watch(key, told) {
        let last
        db.on('change', () => {
          const value = db.sync.get(key)
          if (value !== last) told((last = value))
        })
      },
    }
  },
  async Dexie(name) {
    const { Dexie, liveQuery } = await import('/node_modules/dexie/dist/modern/dexie.mjs')
    const db = new Dexie(name)
    db.version(1).stores({ pairs: '' })
    return {
      write: (key, value) => db.pairs.put(value, key),
      read: (key) => db.pairs.get(key),
      watch: async (key, told) => void liveQuery(() => db.pairs.get(key)).subscribe(told),
    }
  },
  async PGlite(name) {
    const [{ PGliteWorker }, { live }] = await Promise.all([
      import('/node_modules/@electric-sql/pglite/dist/worker/index.js'),
      import('/node_modules/@electric-sql/pglite/dist/live/index.js'),
    ])
    const worker = new Worker('/tools/pglite.worker.mjs', { type: 'module' })
    const db = await PGliteWorker.create(worker, { dataDir: `idb://${name}`, relaxedDurability: true, extensions: { live } })
    await db.exec('CREATE TABLE IF NOT EXISTS pairs (key text PRIMARY KEY, value text)')
    return {
      write: (key, value) => db.query('INSERT INTO pairs VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2', [key, value]),
      read: async (key) => (await db.query('SELECT value FROM pairs WHERE key = $1', [key])).rows[0]?.value,
      watch: (key, told) => db.live.query('SELECT value FROM pairs WHERE key = $1', [key], ({ rows }) => told(rows[0]?.value)),
    }
  },
}
