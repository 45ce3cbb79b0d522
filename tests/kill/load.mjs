// The load of the kill tests, in Node and in pages: changes that follow from their numbers, several under way at once. Each change
// stores its number in its own transaction, so that what is found says itself which change was the last.

/** How many changes are under way at once. */
const AT_ONCE = 8
/** A snapshot is asked for every so many changes, besides those that the log brings about. */
const SNAPSHOT = 500
/** Longer strings are compared by their length and digest. */
const LONG = 200

/** A generator of numbers below a bound that follow from a seed: mulberry32. */
export function random(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Change `n`: words of a command. */
function change(n) {
  const below = random(n * 7919)
  const [key, value] = [`${below(300)}`, `${n}-`.repeat(1 + below(20))]
  switch (below(16)) {
    case 0: return ['append', `s${key}`, value]
    case 1: return ['hset', `h${key}`, `f${below(20)}`, value]
    case 2: return ['rpush', `l${key}`, value, n]
    case 3: return ['lpop', `l${key}`]
    case 4: return ['sadd', `e${key}`, `${below(50)}`, `m${below(50)}`]
    case 5: return ['srem', `e${key}`, `${below(50)}`]
    case 6: return ['zadd', `z${key}`, below(1000) / 4, `m${below(30)}`]
    case 7: return ['del', `s${key}`, `l${key}`]
    case 8: return ['incr', `n${below(20)}`]
    case 9: return ['pexpireat', `s${key}`, 4e12 + n]
    case 10: return ['set', `b${below(10)}`, value.repeat(2_000)]
    default: return ['set', `s${key}`, value]
  }
}

/** Runs change `n` and stores its number, together. */
export async function make(db, n) {
  const [command, ...words] = change(n)
  await db.multi().set('last', n)[command](...words).exec()
}

/** Makes changes from `from` on, without end. Says to `acknowledge` which are as safe as `durability` promises; those before are too. */
export async function write(db, durability, from, acknowledge) {
  let next = from
  let acknowledged = from - 1
  const work = async () => {
    for (;;) {
      const n = next++
      await make(db, n)
      if (durability === 'relaxed') await db.flush()
      // There may be one under way already.
      if (n % SNAPSHOT === 0) await db.bgsave().catch((error) => { if (!/already in progress/.test(error.message)) throw error })
      // They were made in their order, so those before are stored too.
      if (n > acknowledged) acknowledge((acknowledged = n))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** Everything in a database, as text. */
export async function content(db) {
  const all = []
  for (const key of (await db.keys('*')).sort()) {
    const read = {
      string: async () => {
        const value = await db.get(key)
        return value.length > LONG ? `${value.length} ${await db.call('DIGEST', key)}` : value
      },
      hash: async () => Object.entries(await db.hgetall(key)).sort().join(),
      list: async () => (await db.lrange(key, 0, -1)).join(),
      set: async () => (await db.smembers(key)).sort().join(),
      zset: async () => (await db.call('ZRANGE', key, 0, -1, 'WITHSCORES')).join(),
    }[await db.type(key)]
    all.push(`${key} ${await db.pexpiretime(key)} ${await read()}`)
  }
  return all
}

/** Opens a database with `open` after a kill, says what is in it and how long that took (ms), and closes it. */
export async function look(open) {
  const start = performance.now()
  const db = await open()
  const recovery = performance.now() - start
  const found = { recovery, torn: db.status().storage.torn, last: Number(await db.get('last')), content: await content(db) }
  await db.close()
  return found
}
