// The measured work of the package and its peers. Runs in Node and in browsers alike, so it imports nothing.
//
// Every case is a function of its own, compiled from its own text: two cases that share a loop would share what the engine's
// compiler learns in it, and the second would be measured with the first one's habits.

/** How many keys the work is spread over. */
const KEYS = 10_000
/** A sample takes at least this long (ms), so that neither clocks nor loops matter. */
const SAMPLE_MS = 25

/** What a case is made of, by peer and work. `K` is the key, `V` the value, both of 16 bytes; `at` counts in steps through the keys. */
const steps = {
  'tabdis sync': {
    GET: 'sink += db.sync.get(K).length',
    SET: 'db.sync.set(K, V)',
    INCR: 'sink += db.sync.incr(N)',
    'LPUSH+LPOP': "db.sync.lpush('list', V); sink += db.sync.lpop('list').length",
    ZADD: "db.sync.zadd('board', at, K)",
    HSET: "db.sync.hset('hash', K, V)",
  },
  tabdis: {
    GET: 'sink += (await db.get(K)).length',
    SET: 'await db.set(K, V)',
    INCR: 'sink += await db.incr(N)',
    'LPUSH+LPOP': "await db.lpush('list', V); sink += (await db.lpop('list')).length",
    ZADD: "await db.zadd('board', at, K)",
    HSET: "await db.hset('hash', K, V)",
  },
  'tabdis pipeline of 100': {
    GET: 'p.get(K)',
    SET: 'p.set(K, V)',
    INCR: 'p.incr(N)',
    'LPUSH+LPOP': "p.lpush('list', V).lpop('list')",
    ZADD: "p.zadd('board', at, K)",
    HSET: "p.hset('hash', K, V)",
  },
  Map: {
    GET: 'sink += map.get(K).length',
    SET: 'map.set(K, V)',
    INCR: 'const next = (counters.get(N) ?? 0) + 1; counters.set(N, next)',
    'LPUSH+LPOP': 'list.unshift(V); sink += list.shift().length',
    HSET: 'hash.set(K, V)',
  },
  'lru-cache': {
    GET: 'sink += lru.get(K).length',
    SET: 'lru.set(K, V)',
  },
  'ioredis-mock': {
    GET: 'sink += (await mock.get(K)).length',
    SET: 'await mock.set(K, V)',
    INCR: 'sink += await mock.incr(N)',
    'LPUSH+LPOP': "await mock.lpush('list', V); sink += (await mock.lpop('list')).length",
    ZADD: "await mock.zadd('board', at, K)",
    HSET: "await mock.hset('hash', K, V)",
  },
  'node-redis': {
    GET: 'sink += (await redis.get(K)).length',
    SET: 'await redis.set(K, V)',
    INCR: 'sink += await redis.incr(N)',
    'LPUSH+LPOP': "await redis.lPush('list', V); sink += (await redis.lPop('list')).length",
    ZADD: "await redis.zAdd('board', { score: at, value: K })",
    HSET: "await redis.hSet('hash', K, V)",
  },
  'node-redis, 1,000 in flight': {
    GET: 'all.push(redis.get(K))',
    SET: 'all.push(redis.set(K, V))',
    INCR: 'all.push(redis.incr(N))',
    'LPUSH+LPOP': "all.push(redis.lPush('list', V), redis.lPop('list'))",
    ZADD: "all.push(redis.zAdd('board', { score: at, value: K }))",
    HSET: "all.push(redis.hSet('hash', K, V))",
  },
}

/** How a peer's steps are put into loops: so many at a time, with something before and after. */
const batches = {
  'tabdis pipeline of 100': { size: 100, before: 'const p = db.pipeline()', after: 'sink += (await p.exec()).length' },
  'node-redis, 1,000 in flight': { size: 1000, before: 'const all = []', after: 'sink += (await Promise.all(all)).length' },
}

const words = { prepared: { K: 'keys[at]', N: 'counterKeys[at]' }, fresh: { K: '`key:0000000${10000 + at}`' } }

/** Which object a peer's steps use. */
const needs = {
  'tabdis sync': 'db',
  tabdis: 'db',
  'tabdis pipeline of 100': 'db',
  Map: 'map',
  'lru-cache': 'lru',
  'ioredis-mock': 'mock',
  'node-redis': 'redis',
  'node-redis, 1,000 in flight': 'redis',
}

/** Peers measured with keys that are made for every call, too. */
const withFreshKeys = ['tabdis sync', 'tabdis', 'Map', 'lru-cache', 'ioredis-mock']

/**
 * Fills the stores of `peers` (`{ db, mock?, redis?, lru? }`) and measures every case in `rounds` interleaved rounds.
 * Returns `{ 'GET prepared': { 'tabdis sync': [ns per operation of each round, …], … }, … }`.
 */
export async function measureAll(peers, rounds) {
  const env = await prepare(peers)
  const cases = allCases(env)
  for (const one of cases) one.count = await calibrate(one.run)
  const results = {}
  for (let round = 0; round < rounds; round++) {
    globalThis.gc?.()
    for (const { work, peer, run, count } of cases) {
      const ns = (await time(run, count)) / count
      ;((results[work] ??= {})[peer] ??= []).push(ns)
    }
  }
  return results
}

async function prepare(peers) {
  const each = (make) => Array.from({ length: KEYS }, (_, n) => make(n))
  const keys = each((n) => `key:0000000${10000 + n}`)
  const counterKeys = each((n) => `count:00000${10000 + n}`)
  const values = each((n) => `value:0000${100000 + n}`)
  const map = new Map()
  for (let n = 0; n < KEYS; n++) {
    map.set(keys[n], values[n])
    peers.lru?.set(keys[n], values[n])
  }
  const list = values.slice(0, 100)
  for (const store of [peers.db, peers.mock, peers.redis].filter(Boolean)) {
    for (let from = 0; from < KEYS; from += 100) {
      await Promise.all(keys.slice(from, from + 100).map((key, n) => store.set(key, values[from + n])))
    }
    for (const item of list) await (store.lpush ?? store.lPush).call(store, 'list', item)
  }
  return { ...peers, keys, counterKeys, values, map, counters: new Map(), hash: new Map(), list }
}

function allCases(env) {
  const cases = []
  for (const [peer, ways] of Object.entries(steps)) {
    if (!env[needs[peer]]) continue
    for (const [work, step] of Object.entries(ways)) {
      for (const kind of ['prepared', 'fresh']) {
        if (kind === 'fresh' && !(['GET', 'SET'].includes(work) && withFreshKeys.includes(peer))) continue
        cases.push({ work: kind === 'fresh' ? `${work}, fresh keys` : work, peer, run: compile(peer, step, kind, env) })
      }
    }
  }
  return cases
}

/** Makes the function of a case. It does its step `n` times, and returns something that depends on what it read. */
function compile(peer, step, kind, env) {
  const { size, before = '', after = '' } = batches[peer] ?? { size: 1 }
  const named = step.replace(/\b[KN]\b/g, (word) => words[kind][word] ?? words.prepared[word]).replace(/\bV\b/g, 'values[at]')
  const next = 'at += 7919; if (at >= 10000) at -= 10000;'
  const inner = size === 1 ? `${next} ${named}` : `${before}; for (let j = 0; j < ${size}; j++) { ${next} ${named} } ${after}`
  const head = /\bawait\b/.test(inner) ? 'async function' : 'function'
  const text = `return ${head} (n) { let sink = 0, at = 0; for (let i = 0; i < n; i += ${size}) { ${inner} } return sink }`
  return new Function(...Object.keys(env), text)(...Object.values(env))
}

/** Runs a case until it is compiled, and returns how many steps make a sample. */
async function calibrate(run) {
  let count = 1000
  for (let warm = 0; ; ) {
    const ms = (await time(run, count)) / 1e6
    warm += ms
    if (ms < SAMPLE_MS) count = Math.min(count * 10, Math.ceil((count * SAMPLE_MS * 1.2) / Math.max(ms, 0.1) / 1000) * 1000)
    else if (warm > 3 * SAMPLE_MS) return Math.ceil((count * SAMPLE_MS * 1.1) / ms / 1000) * 1000
  }
}

/** Returns how long `count` steps take, ns. */
async function time(run, count) {
  const start = performance.now()
  const result = run(count)
  // A case that answers at once is not to pay for a promise.
  if (typeof result === 'object') await result
  return (performance.now() - start) * 1e6
}
