// Locks that all tabs of an origin share, where the browser has them. A tab that is gone holds none.

/** A lock that is ours. */
export interface Held {
  release(): void
  /** Resolves when another tab has taken it away. */
  lost: Promise<void>
}

function manager(): LockManager | undefined {
  return (globalThis.navigator as Navigator | undefined)?.locks
}

/** Whether there are locks: not on plain http. */
export function hasLocks(): boolean {
  return manager() !== undefined
}

/** Returns what stands for a lock where there are none: nobody takes it away. */
export function unlocked(): Held {
  return { release() {}, lost: new Promise(() => {}) }
}

/** Takes a lock. Nothing if it is another tab's and `ifAvailable` is set. Fails with an AbortError when `signal` says so. */
export function take(name: string, options: LockOptions): Promise<Held | undefined> {
  return new Promise((granted, refused) => {
    let lose!: () => void
    const lost = new Promise<void>((resolve) => (lose = resolve))
    const hold = (lock: Lock | null) => (lock ? new Promise<void>((release) => granted({ release, lost })) : granted(undefined))
    manager()!.request(name, options, hold).catch((error: unknown) => {
      lose()
      refused(error)
    })
  })
}

/** The locks that are held and begin with `prefix`, with who holds them. */
export async function held(prefix: string): Promise<Map<string, string>> {
  const locks = (await manager()?.query())?.held ?? []
  return new Map(locks.filter(({ name }) => name?.startsWith(prefix)).map(({ name, clientId }) => [name!, clientId!]))
}
