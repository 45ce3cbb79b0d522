// The worker of PGlite in tests/bench/tools/shared.mjs: one of those of all tabs has the database.
import { PGlite } from '/node_modules/@electric-sql/pglite/dist/index.js'
import { worker } from '/node_modules/@electric-sql/pglite/dist/worker/index.js'

worker({ init: ({ dataDir, relaxedDurability }) => PGlite.create({ dataDir, relaxedDurability }) })
