// `tabdis/vue`: values of a database as refs.
import { getCurrentInstance, onMounted, shallowRef, toValue, watch, type MaybeRefOrGetter, type ShallowRef } from 'vue'
import type { LiveValue, PatternQuery, Query } from './live.js'
import type { View } from './view.js'

/** The value of a key by its type, as a ref. The database and the key may be refs or getters. */
export function useKey<T extends LiveValue = LiveValue>(db: MaybeRefOrGetter<View | undefined>, key: MaybeRefOrGetter<string>): Readonly<ShallowRef<T | undefined>> {
  return follow(() => toValue(db), () => toValue(key)) as Readonly<ShallowRef<T | undefined>>
}

/** The names of the keys that match a pattern, as a ref. */
export function useLive(db: MaybeRefOrGetter<View | undefined>, query: PatternQuery): Readonly<ShallowRef<string[] | undefined>>
/** What `query` makes of what it reads, as a ref. */
export function useLive<T>(db: MaybeRefOrGetter<View | undefined>, query: Query<T>): Readonly<ShallowRef<T | undefined>>
export function useLive(db: MaybeRefOrGetter<View | undefined>, query: PatternQuery | Query<unknown>): Readonly<ShallowRef<unknown>> {
  return follow(() => toValue(db), () => query)
}

function follow(db: () => View | undefined, query: () => string | PatternQuery | Query<unknown>): Readonly<ShallowRef<unknown>> {
  const read = () => db()?.peek(query() as Query<unknown>)
  const value = shallowRef(read())
  const start = () =>
    watch(
      [db, query],
      (_now, _before, onCleanup) => {
        value.value = read()
        const stop = db()?.live(query() as Query<unknown>, (next) => (value.value = next))
        onCleanup(() => stop?.())
      },
      { immediate: true, flush: 'sync' },
    )
  // A page made on the server is not mounted: nothing is left behind there.
  if (getCurrentInstance()) onMounted(() => void start())
  else start()
  return value
}
