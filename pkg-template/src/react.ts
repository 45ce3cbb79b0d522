// `tabdis/react`: values of a database in components, by `useSyncExternalStore`.
import { useMemo, useSyncExternalStore } from 'react'
import type { LiveValue, PatternQuery, Query } from './live.js'
import type { View } from './view.js'

/** What a hook returns where there is no database yet: on the server, while its page is taken over, and before `open` has resolved. */
export interface HookOptions<T> {
  initial?: T
}

/** Returns the value of a key by its type, and renders again when it changes. */
export function useKey<T extends LiveValue = LiveValue>(db: View | undefined, key: string, options: HookOptions<T> = {}): T | undefined {
  return useValue<T>(db, key, [key], options)
}

/** Returns the names of the keys that match a pattern, and renders again when one comes or goes. */
export function useLive(db: View | undefined, query: PatternQuery, options?: HookOptions<string[]>): string[] | undefined
/** Returns what `query` makes of what it reads, and renders again when that changes. `deps`: what else it depends on. */
export function useLive<T>(db: View | undefined, query: Query<T>, options?: HookOptions<T> & { deps?: readonly unknown[] }): T | undefined
export function useLive(db: View | undefined, query: PatternQuery | Query<unknown>, options: HookOptions<unknown> & { deps?: readonly unknown[] } = {}): unknown {
  return useValue(db, query, typeof query === 'function' ? (options.deps ?? []) : [query.pattern], options)
}

function useValue<T>(db: View | undefined, query: string | PatternQuery | Query<unknown>, deps: readonly unknown[], { initial }: HookOptions<T>): T | undefined {
  const store = useMemo(() => new Store(db, query), [db, ...deps])
  return useSyncExternalStore(store.subscribe, () => (db ? (store.value() as T) : initial), () => initial)
}

/** A query as React asks it: it is read when it is first rendered, and followed as long as it is shown. */
class Store {
  private known = false
  private last: unknown

  constructor(
    private readonly db: View | undefined,
    private readonly query: string | PatternQuery | Query<unknown>,
  ) {}

  value(): unknown {
    if (!this.known) this.last = this.db!.peek(this.query as Query<unknown>)
    this.known = true
    return this.last
  }

  readonly subscribe = (changed: () => void): (() => void) => {
    const stop = this.db?.live(this.query as Query<unknown>, (value) => {
      this.known = true
      this.last = value
      changed()
    })
    return () => stop?.()
  }
}
