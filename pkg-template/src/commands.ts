// The commands' signatures. Generated from the rows of src/cmd/: `npm run gen`.
import type { Arg, Key, Value } from './types.js'

export interface Commands {
  /** Returns the string value of a key. */
  get(key: Key): string | null
  /** Sets the string value of a key, whatever type it held, and removes its expiry. */
  set(key: Key, value: Value, ...options: Arg[]): 'OK' | string | null
}
