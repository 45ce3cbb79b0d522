// Kills victims again and again while they write, opens what they stored, and checks that every acknowledged change is there and
// that nothing else is: the state must be that after the last change found, to the byte.

import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { root } from '../tools/process.mjs'
import { chromium } from './chromium.mjs'
import { content, make, random } from './load.mjs'
import { node } from './node.mjs'

const { open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')).href)

/** The longest life of a victim after its first acknowledgement (ms); one in so many ends while it is still opening. */
const [LONGEST, EARLY] = [400, 5]
/** How often it is said how far a series is (kills). */
const PROGRESS = 25

/** What is killed, and how. */
export const VICTIMS = [
  ['node', 'process'],
  ['chromium', 'process'],
  ['chromium', 'renderer'],
  ['chromium', 'tab'],
  ['chromium', 'navigation'],
  ['chromium', 'reload'],
].flatMap(([name, way]) => ['strict', 'relaxed'].map((durability) => ({ name, way, durability })))

/** Kills a victim so many times. Returns figures; `failure` says what is wrong, if anything is. */
export async function series({ name, way, durability }, kills, seed, say = () => {}) {
  const victim = await { node, chromium }[name](way)
  const model = await open()
  const below = random(seed)
  const figures = { name, way, durability, kills: 0, acknowledged: 0, lost: 0, torn: 0, recovery: [], failure: undefined }
  try {
    for (let last = 0; figures.kills < kills && !figures.failure; ) {
      const [life, early] = [below(LONGEST), figures.kills > 0 && below(EARLY) === 0]
      const acknowledged = await victim.live({ durability, from: last + 1, life, early })
      const found = await victim.look()
      figures.kills++
      figures.acknowledged += acknowledged - last
      figures.torn += found.torn > 0
      figures.recovery.push(found.recovery)
      if (found.last < acknowledged) {
        figures.lost += acknowledged - found.last
        figures.failure = `changes up to ${acknowledged} were acknowledged, ${found.last || 'none'} is the last that is there`
        break
      }
      for (; last < found.last; last++) await make(model, last + 1)
      figures.failure = difference(found.content, await content(model), last)
      if (figures.kills % PROGRESS === 0) say(`${line(figures)} …`)
    }
    if (!figures.failure && !figures.acknowledged) figures.failure = 'nothing was acknowledged'
  } finally {
    await model.close()
    await victim.stop()
  }
  return figures
}

function difference(have, want, last) {
  const wrong = (have.length > want.length ? have : want).findIndex((_, i) => have[i] !== want[i])
  if (wrong < 0) return undefined
  return `after change ${last}: ${have[wrong]?.slice(0, 200)} is not ${want[wrong]?.slice(0, 200)}; ${have.length} keys, not ${want.length}`
}

/** The figures in a line. */
export function line({ name, way, durability, kills, acknowledged, lost, torn, recovery }) {
  const sorted = [...recovery].sort((a, b) => a - b)
  const [median, most] = [sorted[sorted.length >> 1], sorted.at(-1)].map((ms) => (ms ?? 0).toFixed(0))
  return (
    `${`${name} ${way}`.padEnd(20)} ${durability.padEnd(8)} ${String(kills).padStart(4)} kills  ${String(acknowledged).padStart(7)} acknowledged  ` +
    `${lost} lost  ${torn} torn tails  recovery ${median} ms, at most ${most}`
  )
}
