// The package against what people use instead, in Node and in Chromium: Map, lru-cache, ioredis-mock, and node-redis with a real
// redis-server behind it. Times are per operation (two for LPUSH+LPOP), 16-byte keys and values, 10,000 keys.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Mock from 'ioredis-mock'
import { LRUCache } from 'lru-cache'
import { chromium } from 'playwright-core'
import { createClient } from 'redis'
import { main, root, step } from '../tools/process.mjs'
import { findChromium, findRedisServer } from '../tools/setup.mjs'
import { measureAll } from './tools/cases.mjs'
import { atLeast, atMost, goals, isQuick, median, report, round } from './tools/report.mjs'
import { start } from './tools/servers.mjs'

const rounds = isQuick() ? 3 : 11

async function inNode() {
  const { open } = await import(pathToFileURL(join(root, 'pkg/dist/index.js')))
  const server = await start(findRedisServer(), ['--loglevel', 'warning'])
  const redis = createClient({ socket: { port: server.port } })
  const mock = new Mock()
  const db = await open()
  try {
    await redis.connect()
    return await measureAll({ db, mock, redis, lru: new LRUCache({ max: 20_000 }) }, rounds)
  } finally {
    redis.destroy()
    mock.disconnect()
    await db.close()
    await server.stop()
  }
}

async function inChromium() {
  const site = await serve()
  const browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox', '--disable-gpu', '--js-flags=--expose-gc'] })
  try {
    const page = await browser.newPage()
    await page.goto(site.address)
    return await page.evaluate(async (rounds) => {
      const [{ open }, { measureAll }, { LRUCache }] = await Promise.all(
        ['/pkg/dist/index.js', '/tests/bench/tools/cases.mjs', '/node_modules/lru-cache/dist/esm/browser/index.js'].map((url) => import(url)),
      )
      const db = await open()
      return measureAll({ db, lru: new LRUCache({ max: 20_000 }) }, rounds)
    }, rounds)
  } finally {
    await browser.close()
    site.close()
  }
}

const types = { js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm' }

/** Serves the checkout's files, and an empty page at `/`. */
async function serve() {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname
    try {
      const body = path === '/' ? '<!doctype html>' : await readFile(join(root, path))
      response.setHeader('content-type', types[path.split('.').at(-1)] ?? 'text/html')
      response.end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const close = () => (server.closeAllConnections(), server.close())
  return { address: `http://127.0.0.1:${server.address().port}/`, close }
}

/** All times of one place, ns. */
function times(where, results) {
  const peers = [...new Set(Object.values(results).flatMap((byPeer) => Object.keys(byPeer)))]
  const cell = (ns) => (ns ? String(round(median(ns))) : '')
  const rows = Object.entries(results).map(([work, byPeer]) => [work, ...peers.map((peer) => cell(byPeer[peer]))])
  return { title: `${where}: ns per operation`, head: ['work', ...peers], rows, data: results }
}

/** Our time beside a peer's. The ratio is how many times faster we are, or with `atMost` how many times the peer's time we take. */
function row(results, work, ours, peer, goal) {
  const [mine, theirs] = [results[work][ours], results[work][peer]]
  const ratio = median(mine.map((ns, n) => (goal?.sense === '≤' ? ns / theirs[n] : theirs[n] / ns)))
  const ns = (values) => `${round(median(values))} ns`
  return { name: `${work}: ${ours} / ${peer}`, ours: ns(mine), theirs: ns(theirs), ratio, goal }
}

function nodeGoals(results) {
  const mock = ['GET', 'HSET', 'LPUSH+LPOP', 'ZADD', 'INCR'].map((work) => row(results, work, 'tabdis', 'ioredis-mock', atLeast(2.5, 4)))
  const inFlight = ['GET', 'SET'].map((work) => row(results, work, 'tabdis sync', 'node-redis, 1,000 in flight', atLeast(8, 12)))
  const rows = [
    row(results, 'GET', 'tabdis sync', 'ioredis-mock', atLeast(5, 8)),
    row(results, 'SET', 'tabdis sync', 'ioredis-mock', atLeast(6, 9)),
    ...mock,
    row(results, 'GET, fresh keys', 'tabdis sync', 'Map', atMost(1.3, 1)),
    row(results, 'GET', 'tabdis sync', 'Map', atMost(6, 3.5)),
    ...inFlight,
    row(results, 'GET', 'tabdis', 'node-redis'),
    row(results, 'GET', 'tabdis pipeline of 100', 'node-redis, 1,000 in flight'),
    row(results, 'GET', 'tabdis sync', 'lru-cache'),
    row(results, 'GET, fresh keys', 'tabdis sync', 'lru-cache'),
  ]
  return goals({ title: 'Node: ours / peer', note: '≥: how many times faster we are; ≤: how many times the peer’s time we take.', ours: 'ours', theirs: 'peer', rows })
}

function chromiumGoals(results) {
  const rows = [
    row(results, 'GET, fresh keys', 'tabdis sync', 'Map', atMost(0.8)),
    row(results, 'GET', 'tabdis sync', 'Map', atMost(10, 3.5)),
    row(results, 'GET', 'tabdis sync', 'lru-cache'),
    row(results, 'GET, fresh keys', 'tabdis sync', 'lru-cache'),
  ]
  return goals({ title: 'Chromium: ours / peer', ours: 'ours', theirs: 'peer', rows })
}

await main(import.meta, async () => {
  const node = await step('in Node', inNode)
  const chromium = await step('in Chromium', inChromium)
  report('js', [nodeGoals(node), chromiumGoals(chromium), times('Node', node), times('Chromium', chromium)])
})
