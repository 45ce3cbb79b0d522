// The package with the engine inside: for bundlers that leave tabdis.wasm behind (esbuild, Rollup alone), and single files.
import wasm from 'tabdis-wasm'
import { open as openWith, type Db, type OpenOptions } from './db.js'

export * from './index.js'

/** Opens a database in memory. It is gone when it is closed. */
export function open(options?: OpenOptions): Promise<Db>
/** Opens the database `name`, which is kept in the browser. */
export function open(name: string, options?: OpenOptions): Promise<Db>
export function open(...args: [(OpenOptions | string)?, OpenOptions?]): Promise<Db> {
  const [name, options] = args
  if (args.length === 0 || (typeof name === 'object' && name)) return openWith({ wasm, ...(name as OpenOptions | undefined) })
  return openWith(name as string, { wasm, ...options })
}
