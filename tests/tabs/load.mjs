// What a tab does in these tests: it appends values that nobody else appends, and says what it was answered.

const LISTS = 3
/** How long an answer may take before it counts as none (ms). */
const LATE = 20_000

/** Appends until the page ends or the function that is returned is called. `tell` gets all that was answered since the last time, with who led then. */
export function work(db, name, tell) {
  let n = 0
  let told = []
  const tellSoon = () => {
    if (told.length === 0) return
    tell(told)
    told = []
  }
  setInterval(tellSoon, 20)
  let halted = false
  const worker = async () => {
    while (!halted) {
      const value = `${name}-${++n}`
      const list = `list${n % LISTS}`
      const begun = Date.now()
      const late = new Promise((resolve) => setTimeout(resolve, LATE, 'late'))
      const length = await Promise.race([db.rpush(list, value).catch((error) => error.message), late])
      told.push({ value, list, length, begun, at: Date.now(), leader: db.status().tabs.leader })
      if (told.length >= 50) tellSoon()
      // As many as there are turns would only measure the machine.
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  // Several are under way at once.
  const workers = Array.from({ length: 4 }, worker)
  // Resolves when all is answered and told.
  return async () => {
    halted = true
    await Promise.all(workers)
    await tell(told.splice(0))
  }
}
