// Kills Node while it writes to files, opens them again, and checks that every acknowledged write is there.
//
// `node tests/kill/node.mjs`: TABDIS_KILLS kills (20), half of them in `strict`, half in `relaxed`. The seed is TABDIS_SEED.
// A child runs changes that follow from their numbers, several at once, and says which are acknowledged. Each change also
// stores its number in its transaction, so that what is found says itself which change was the last.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { root } from '../tools/process.mjs'

const { open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')).href)

/** How many changes are under way at once. */
const AT_ONCE = 8
/** The longest life of a child after its first acknowledgement (ms). */
const LONGEST = 400

/** A generator of numbers below a bound that follow from a seed: mulberry32. */
function random(seed) {
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
async function make(db, n) {
  const [command, ...words] = change(n)
  await db.multi().set('last', n)[command](...words).exec()
}

/** The child: changes from `from` on. Says `ack N`: that and all before are as safe as promised. */
async function write(folder, durability, from) {
  const db = await open(folder, { durability })
  let next = from
  let acknowledged = from - 1
  const work = async () => {
    for (;;) {
      const n = next++
      await make(db, n)
      if (durability === 'relaxed') await db.flush()
      // There may be one under way already.
      if (n % 500 === 0) await db.bgsave().catch((error) => assert.match(error.message, /already in progress/))
      // They were made in their order, so those before are stored too.
      if (n > acknowledged) fs.writeSync(1, `ack ${(acknowledged = n)}\n`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** Lets a child write, kills it after `life` ms, and returns the last change that was acknowledged. */
async function kill(folder, durability, from, life) {
  const args = [fileURLToPath(import.meta.url), 'write', folder, durability, String(from)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8')
  const started = new Promise((resolve) => child.stdout.on('data', (chunk) => resolve((text += chunk))))
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)))
  await Promise.race([started, ended])
  await new Promise((resolve) => setTimeout(resolve, life))
  child.kill('SIGKILL')
  const how = await ended
  if (how !== 'SIGKILL') throw new Error(`the child ended by itself: ${how}`)
  const whole = text.slice(0, text.lastIndexOf('\n'))
  return Number(/ack (\d+)$/.exec(whole)?.[1] ?? from - 1)
}

/** Everything in a database, as text. */
async function content(db) {
  const all = []
  for (const key of (await db.keys('*')).sort()) {
    const type = await db.type(key)
    const read = {
      string: () => db.get(key),
      hash: async () => Object.entries(await db.hgetall(key)).sort().join(),
      list: async () => (await db.lrange(key, 0, -1)).join(),
      set: async () => (await db.smembers(key)).sort().join(),
      zset: async () => (await db.call('ZRANGE', key, 0, -1, 'WITHSCORES')).join(),
    }[type]
    all.push(`${key} ${await db.pexpiretime(key)} ${await read()}`)
  }
  return all
}

async function main() {
  const kills = Number(process.env.TABDIS_KILLS ?? 20)
  const seed = Number(process.env.TABDIS_SEED ?? Date.now() % 1e6)
  console.log(`seed ${seed} (TABDIS_SEED=${seed} repeats it)`)
  const below = random(seed)
  let failed = 0
  for (const durability of ['strict', 'relaxed']) {
    const folder = fs.mkdtempSync(join(tmpdir(), 'tabdis-kill-'))
    const model = await open()
    const figures = { kills: 0, acknowledged: 0, lost: 0, different: 0, torn: 0, recovery: [] }
    let last = 0
    for (; figures.kills < Math.ceil(kills / 2); figures.kills++) {
      const acknowledged = await kill(folder, durability, last + 1, below(LONGEST))
      const start = performance.now()
      const db = await open(folder)
      figures.recovery.push(performance.now() - start)
      const found = Number(await db.get('last'))
      figures.acknowledged += acknowledged - last
      figures.lost += Math.max(acknowledged - found, 0)
      figures.torn += db.status().storage.torn > 0
      for (; last < found; last++) await make(model, last + 1)
      const [have, want] = [await content(db), await content(model)]
      const wrong = have.findIndex((line, i) => line !== want[i])
      if (have.length !== want.length || wrong >= 0) {
        figures.different++
        console.log(`after change ${found}: ${have[wrong]?.slice(0, 200)} is not ${want[wrong]?.slice(0, 200)}`)
      }
      await db.close()
      if (figures.different) break
    }
    const { recovery, ...rest } = figures
    recovery.sort((a, b) => a - b)
    const [median, most] = [recovery[recovery.length >> 1], recovery.at(-1)].map((ms) => ms?.toFixed(0))
    console.log(
      `node ${durability.padEnd(8)} ${rest.kills} kills, ${rest.acknowledged} acknowledged writes, ${rest.lost} lost, ` +
        `${rest.different} states that differ, ${rest.torn} torn tails, recovery ${median} ms (at most ${most})`,
    )
    if (rest.lost || rest.different || !rest.acknowledged) failed++
    await model.close()
    fs.rmSync(folder, { recursive: true, force: true })
  }
  process.exitCode = failed ? 1 : 0
}

const [, , role, ...args] = process.argv
if (role === 'write') await write(args[0], args[1], Number(args[2]))
else await main()
