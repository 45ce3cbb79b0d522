// The package as customers get it: packed, installed elsewhere, and used in each of the ways they have.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { root } from '../tools/process.mjs'
import { startBrowser } from './browser.mjs'

const exec = promisify(execFile)
const home = await mkdtemp(join(tmpdir(), 'tabdis-package-'))
after(() => rm(home, { recursive: true, force: true }))

await writeFile(join(home, 'package.json'), '{ "name": "customer", "private": true, "type": "module" }')
const [{ filename, files }] = JSON.parse((await exec('npm', ['pack', join(root, 'pkg'), '--json', '--pack-destination', home])).stdout)
await exec('npm', ['install', '--no-audit', '--no-fund', '--offline', join(home, filename)], { cwd: home })

const program = `
  const db = await open()
  await db.set('greeting', 'héllo', { EX: 60 })
  const session = db.session()
  const result = [await db.get('greeting'), await db.multi().incr('n').get('n').exec(), (await session.raw(['PING'])).value]
  await db.close()
`
const expected = ['héllo', [1, '1'], 'PONG']

test('what is packed is what is meant to be', () => {
  const names = files.map((file) => file.path)
  for (const name of ['package.json', 'dist/index.js', 'dist/index.d.ts', 'dist/cjs/index.js', 'dist/inline.js', 'dist/cache.js', 'dist/react.js', 'dist/vue.js', 'dist/tabdis.wasm']) {
    assert.ok(names.includes(name), name)
  }
  for (const name of names) assert.match(name, /^(dist\/|package\.json$|README\.md$|LICENSE$)/)
})

test('every path of `exports` leads to a file', async () => {
  const { exports } = JSON.parse(await readFile(join(home, 'node_modules/tabdis/package.json'), 'utf8'))
  const paths = JSON.stringify(exports).match(/\.\/[^"]+\.(?:json|js|d\.ts|wasm)"/g).map((path) => path.slice(0, -1))
  const names = files.map((file) => `./${file.path}`)
  for (const path of paths) assert.ok(names.includes(path) || path in exports, path)
})

test('Node imports it', async () => {
  await write('esm.mjs', `import { open } from 'tabdis'\n${program}\nconsole.log(JSON.stringify(result))`)
  assert.deepEqual(await node('esm.mjs'), expected)
})

test('Node requires it', async () => {
  await write('cjs.cjs', `const { open } = require('tabdis')\n;(async () => {${program}\nconsole.log(JSON.stringify(result))})()`)
  assert.deepEqual(await node('cjs.cjs'), expected)
})

test('Node requires the cache of it', async () => {
  await write(
    'cache.cjs',
    `const { open } = require('tabdis')
     const { createCache } = require('tabdis/cache')
     ;(async () => console.log(JSON.stringify(await createCache(await open()).cached('k', () => 7, { ttl: 1000 }))))()`,
  )
  assert.equal(await node('cache.cjs'), 7)
})

test('importing it touches nothing', async () => {
  await write(
    'ssr.mjs',
    `for (const name of ['fetch', 'navigator', 'indexedDB', 'setTimeout', 'crypto']) {
       Object.defineProperty(globalThis, name, { get() { throw new Error(name) } })
     }
     const before = Object.getOwnPropertyNames(globalThis).join()
     await import('tabdis')
     console.log(JSON.stringify(Object.getOwnPropertyNames(globalThis).filter((name) => !before.includes(name))))`,
  )
  assert.deepEqual(await node('ssr.mjs'), [])
})

test('a program that is done ends, whatever it left open', async () => {
  await write('end.mjs', `import { open } from 'tabdis'\nconst db = await open()\ndb.sync.set('k', 'v', { EX: 1000 })\nconsole.log(1)`)
  assert.equal(await node('end.mjs'), 1)
})

test('a strict TypeScript program compiles', async () => {
  await write(
    'customer.ts',
    `import { open, MultiError, ReplyError, StorageError, type Db, type Session } from 'tabdis'
     import { createCache } from 'tabdis/cache'
     const db: Db = await open({ maxmemory: 1e6 })
     const value: string | null = await db.get('k')
     const bytes: Uint8Array | null = await db.bytes.get('k')
     const now: number | bigint = db.sync.incr('n')
     const [set, got]: [unknown, string | null] = await db.multi().set('k', 'v', { EX: 60, NX: true }).get('k').exec()
     const session: Session = db.session({ resp: 3 })
     const maybe: unknown[] | null = await session.multi().get('k').exec()
     const reply = await session.raw(['GET', 'k'])
     if (reply.type === 'array') reply.value.map((item) => item.type)
     for await (const { channel, message } of db.subscribe('news')) channel.concat(message)
     const stop: () => void = db.on('storage', ({ error }) => error?.code === 'QUOTA')
     const names: () => void = db.live({ pattern: 'user:*' }, (names) => names.sort())
     const top: Disposable = db.live((read) => read.zrange('board', 0, 9), (top) => top)
     db.live('user:1', (value) => value === null)
     db.live<string | null>('user:1', (value) => value?.length)
     const users = db.namespace('user:').select(3)
     const [key, found]: [string, string] = (await users.blpop('q', 0, { signal: AbortSignal.timeout(9) }))!
     const moved: string | null = await users.blmove('a', 'b', 'LEFT', 'RIGHT', 0)
     for await (const [member, score] of users.zscanIterator('z', { count: 9 })) member.length + score
     const keys = (await db.info('keyspace')).keyspace?.db0
     const fetched: { n: number } = await createCache(db).cached('k', async () => ({ n: 1 }), { ttl: 1000, tags: ['t'] })
     const copy: Db = await db.fork()
     try { await db.hset('h', 'f', 1) } catch (error) { if (error instanceof MultiError || error instanceof ReplyError || error instanceof StorageError) error.code.length }
     // @ts-expect-error: no such command
     db.nosuch()
     // @ts-expect-error: a key is no object
     db.get({})
     await db.close()
     export { value, bytes, now, set, got, maybe, stop, names, top, key, found, moved, keys, fetched, copy }`,
  )
  await write(
    'tsconfig.json',
    JSON.stringify({ compilerOptions: { strict: true, module: 'nodenext', target: 'es2022', lib: ['es2023', 'dom'], noEmit: true, types: [] }, files: ['customer.ts'] }),
  )
  await exec(join(root, 'node_modules/.bin/tsc'), ['-p', home]).catch(({ stdout }) => assert.fail(stdout))
})

test('esbuild bundles it with the engine inside', async () => {
  await write('inline.js', `import { open } from 'tabdis/inline'\n${program}\nglobalThis.result = result`)
  const esbuild = await import('esbuild')
  const out = join(home, 'esbuild')
  await esbuild.build({ entryPoints: [join(home, 'inline.js')], bundle: true, format: 'esm', target: 'es2022', outfile: join(out, 'app.js'), logLevel: 'silent' })
  assert.deepEqual(await browse(out), expected)
})

test('esbuild bundles it with the engine beside it', async () => {
  await write('beside.js', `import { open } from 'tabdis'\n${program}\nglobalThis.result = result`)
  const esbuild = await import('esbuild')
  const out = join(home, 'esbuild-beside')
  await esbuild.build({ entryPoints: [join(home, 'beside.js')], bundle: true, format: 'esm', target: 'es2022', outfile: join(out, 'app.js'), logLevel: 'silent' })
  await cp(join(home, 'node_modules/tabdis/dist/tabdis.wasm'), join(out, 'tabdis.wasm'))
  assert.deepEqual(await browse(out), expected)
})

test('a bundle without the engine says what to do', async () => {
  const out = join(home, 'esbuild-without')
  await cp(join(home, 'esbuild-beside/app.js'), join(out, 'app.js'))
  await assert.rejects(browse(out), /tabdis\/inline/)
})

test('Vite bundles it', async () => {
  const app = join(home, 'vite')
  await mkdir(app)
  await write('vite/index.html', '<!doctype html><script type="module" src="./main.js"></script>')
  await write('vite/main.js', `import { open } from 'tabdis'\n${program}\nglobalThis.result = result`)
  const vite = await import('vite')
  await vite.build({ root: app, configFile: false, logLevel: 'error', base: './', build: { target: 'es2022' } })
  assert.deepEqual(await browse(join(app, 'dist'), '/app/index.html'), expected)
})

test("Vite's dev server serves it", async () => {
  const vite = await import('vite')
  const server = await vite.createServer({ root: join(home, 'vite'), configFile: false, logLevel: 'error', server: { port: 0, fs: { allow: [home] } } })
  await server.listen()
  const site = await startBrowser({})
  const page = await site.browser.newPage()
  await page.goto(server.resolvedUrls.local[0])
  const result = await page.waitForFunction(() => globalThis.result).then((handle) => handle.jsonValue())
  await site.stop()
  await server.close()
  assert.deepEqual(result, expected)
})

function write(name, text) {
  return writeFile(join(home, name), text)
}

/** Runs a program and returns what it printed, as JSON. */
async function node(name) {
  const { stdout } = await exec(process.execPath, [join(home, name)], { timeout: 30_000 })
  return JSON.parse(stdout)
}

/** Opens a page that runs app.js of `folder`, or `path`, and returns its result. */
async function browse(folder, path) {
  const site = await startBrowser({ '/app/': folder })
  try {
    const page = await site.page({ path: path ?? '/' })
    if (!path) await page.addScriptTag({ type: 'module', url: '/app/app.js' })
    return await page.waitForFunction(() => globalThis.result, undefined, { timeout: 10_000 }).then(
      (handle) => handle.jsonValue(),
      (error) => Promise.reject(page.errors.length ? new Error(page.errors.join()) : error),
    )
  } finally {
    await site.stop()
  }
}
