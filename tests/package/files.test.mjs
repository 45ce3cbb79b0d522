// What the package keeps in files, in Node: who may have them, what they survive, and what it says when they fail.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, mock, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { root } from '../tools/process.mjs'

const address = pathToFileURL(join(root, 'pkg/dist/index.js')).href
const { open, remove } = await import(address)

const home = fs.mkdtempSync(join(tmpdir(), 'tabdis-files-'))
after(() => fs.rmSync(home, { recursive: true, force: true }))
const opened = []
const children = []
afterEach(async () => {
  mock.restoreAll()
  for (const db of opened.splice(0)) await db.close().catch(() => {})
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

let folders = 0
const fresh = () => join(home, `data-${++folders}`)

/** Opens a database that is closed at the end of the test. */
async function use(folder, options) {
  const db = await open(folder, options)
  opened.push(db)
  return db
}

/** Writes to a fresh folder in several transactions, and returns it. */
async function filled(keys = ['a', 'b', 'c']) {
  const folder = fresh()
  const db = await open(folder, { durability: 'strict' })
  for (const key of keys) await db.set(key, key.repeat(100))
  await db.close()
  return folder
}

/** Runs code in another process, which has `open`, `folder` and `say`; returns the process and what it says, line by line. */
function elsewhere(folder, code) {
  const script = `import { open } from ${JSON.stringify(address)}
    const folder = ${JSON.stringify(folder)}, say = (line) => console.log(line)
    ${code}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  const ended = once(child, 'exit')
  const said = async (line) => {
    while (!text.includes(line)) {
      if (child.exitCode !== null) throw new Error(`it ended and said ${text}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  return { child, ended, said, text: () => text.trim() }
}

const segments = (folder) => fs.readdirSync(folder).filter((name) => name.startsWith('segment-')).sort()
const bytes = (folder) => Object.fromEntries(segments(folder).map((name) => [name, fs.readFileSync(join(folder, name), 'latin1')]))

const newest = (folder) => join(folder, segments(folder).at(-1))

test('what was stored is there when it is opened again', async () => {
  const folder = join(fresh(), 'and', 'deeper')
  const db = await open(folder)
  await db.set('k', 'héllo')
  await db.hset('h', { f: 1 })
  await db.set('long', 1, 'EX', 1000)
  await db.set('big', new Uint8Array(300_000).fill(7))
  await db.call('SELECT', 3)
  await db.set('k', 'of 3')
  await db.flush()
  const { mode, pending, error, torn, bytes } = db.status().storage
  assert.deepEqual([mode, pending, error, torn, bytes > 300_000], ['files', false, null, 0, true])
  await db.close()
  const again = await use(folder)
  assert.deepEqual([await again.get('k'), await again.hget('h', 'f'), await again.strlen('big')], ['héllo', '1', 300_000])
  assert.ok((await again.ttl('long')) > 990)
  await again.call('SELECT', 3)
  assert.equal(await again.get('k'), 'of 3')
})

test('a process that does not close ends by itself, and what it wrote is stored', async () => {
  const folder = fresh()
  const flushed = elsewhere(folder, `const db = await open(folder); await db.set('a', 1); await db.flush()`)
  assert.deepEqual(await flushed.ended, [0, null])
  const hasty = elsewhere(folder, `const db = await open(folder); db.sync.set('b', await db.get('a'))`)
  assert.deepEqual(await hasty.ended, [0, null])
  const strict = elsewhere(folder, `const db = await open(folder, { durability: 'strict' }); await db.set('c', 3); process.exit()`)
  assert.deepEqual(await strict.ended, [0, null])
  const db = await use(folder)
  assert.deepEqual(await db.mget('a', 'b', 'c'), ['1', '1', '3'])
})

test('strict promises resolve when the change is stored', async () => {
  const db = await use(fresh(), { durability: 'strict' })
  await db.set('k', 'v')
  assert.equal(db.status().storage.pending, false)
  await db.multi().set('a', 1).incr('a').exec()
  assert.deepEqual([db.status().storage.pending, await db.get('a')], [false, '2'])
})

test('a folder is for one at a time: in this process, in a worker, in another process', async () => {
  const folder = fresh()
  const db = await open(folder)
  const locked = { name: 'StorageError', code: 'LOCKED' }
  const code = `const { open } = await import(${JSON.stringify(address)})
    const code = await open(${JSON.stringify(folder)}).then(() => 'opened', (error) => error.code)
    require('node:worker_threads').parentPort.postMessage(code)`
  const worker = new Worker(`(async () => { ${code} })()`, { eval: true })
  const other = elsewhere(folder, `say(await open(folder).then(() => 'opened', (error) => error.code))`)
  const [[inWorker]] = await Promise.all([once(worker, 'message'), other.ended, assert.rejects(open(folder), locked)])
  assert.deepEqual([inWorker, other.text()], ['LOCKED', 'LOCKED'])
  await assert.rejects(remove(folder), locked)
  // Who waits gets it when it is free.
  const next = use(folder)
  await db.set('k', 'v')
  await db.close()
  assert.equal(await (await next).get('k'), 'v')
})

test('what a killed process had is free at once, for one', async () => {
  const folder = fresh()
  for (let round = 0; round < 2; round++) {
    const first = elsewhere(folder, `const db = await open(folder); await db.incr('n'); await db.flush(); say('ready'); setInterval(() => {}, 1e6)`)
    await first.said('ready')
    first.child.kill('SIGKILL')
    await first.ended
    const code = `const db = await open(folder).catch((error) => say(error.code)); if (db) { say('opened'); setTimeout(() => db.close(), 2500) }`
    const all = [1, 2, 3].map(() => elsewhere(folder, code))
    await Promise.all(all.map(({ ended }) => ended))
    const said = all.map(({ text }) => text()).sort()
    assert.deepEqual(said, ['LOCKED', 'LOCKED', 'opened'])
  }
  assert.equal(await (await use(folder)).get('n'), '2')
  assert.deepEqual(fs.readdirSync(folder).filter((name) => name.startsWith('lock')), ['lock.tabdis'])
})

test('locks of ended processes, of earlier lives of the system and of nobody are taken over; others are not', async () => {
  const folder = await filled()
  const lock = join(folder, 'lock.tabdis')
  const boot = fs.existsSync('/proc/sys/kernel/random/boot_id') && fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const ended = [
    'tabdis lock 1\n4194000 - other 00ff\n',
    `tabdis lock 1\n${process.pid} - other 00ff\n`,
    // The number of this process, but not this process.
    ...(boot ? [`tabdis lock 1\n${process.pid} 1 ${boot} 00ff\n`] : []),
  ]
  for (const text of ended) {
    fs.writeFileSync(lock, text)
    // As if it had been taken over half.
    fs.writeFileSync(`${lock}-00ff`, 'tabdis lock 1\n4194000 - other 00aa\n')
    await (await open(folder)).close()
    assert.deepEqual(fs.readdirSync(folder).filter((name) => name.startsWith('lock')), [])
  }
  fs.writeFileSync(lock, '')
  fs.utimesSync(lock, 1, 1)
  await (await open(folder)).close()
  fs.writeFileSync(lock, 'what is this')
  await assert.rejects(open(folder), { code: 'LOCKED' })
  assert.equal(fs.readFileSync(lock, 'utf8'), 'what is this')
})

test('a process that lost its lock writes nothing any more, and says so', async () => {
  const folder = fresh()
  const first = await use(folder)
  const events = []
  first.on('storage', ({ error }) => events.push(error?.code))
  await first.set('k', 'first')
  await first.flush()
  fs.rmSync(join(folder, 'lock.tabdis'))
  const second = await open(folder)
  await first.set('k', 'lost')
  await assert.rejects(first.flush(), { code: 'LOCKED' })
  assert.deepEqual([events, await first.get('k'), await second.get('k')], [['LOCKED'], 'lost', 'first'])
  await second.set('k', 'second')
  await second.close()
  assert.equal(await (await use(folder)).get('k'), 'second')
})

test('an end that is torn at any byte is cut off, and said to be', async () => {
  const folder = await filled()
  const file = newest(folder)
  const whole = fs.readFileSync(file)
  // The last transaction: what it holds begins with the name of its record.
  const start = whole.lastIndexOf('tabdisT1')
  for (let keep = start + 1; keep < whole.length; keep += 23) {
    const copy = fresh()
    fs.cpSync(folder, copy, { recursive: true })
    fs.truncateSync(newest(copy), keep)
    const db = await open(copy)
    assert.deepEqual([(await db.keys('*')).sort(), db.status().storage.torn], [['a', 'b'], keep - start])
    await db.set('d', 1)
    await db.close()
    const again = await open(copy)
    assert.deepEqual([(await again.keys('*')).sort(), again.status().storage.torn], [['a', 'b', 'd'], 0])
    await again.close()
  }
})

test('damage that no crash explains is an error, and nothing is written over it', async () => {
  const folder = await filled()
  const file = newest(folder)
  const text = fs.readFileSync(file)
  // In the middle: in the head of the transaction before the last.
  text[text.lastIndexOf('tabdisT1', text.lastIndexOf('tabdisT1') - 1) + 20] ^= 1
  fs.writeFileSync(file, text)
  const before = bytes(folder)
  await assert.rejects(open(folder), (error) => {
    assert.deepEqual([error.name, error.code], ['StorageError', 'DAMAGED'])
    assert.match(error.message, /segment-0000000\d\.tabdis at \d+/)
    return true
  })
  assert.deepEqual(bytes(folder), before)
  assert.deepEqual(fs.readdirSync(folder), segments(folder))
})

test('damage in a record opens what is good before it, and nothing is written', async () => {
  const folder = await filled()
  const file = newest(folder)
  const text = fs.readFileSync(file)
  text[text.indexOf('bbbb') + 2] ^= 1
  fs.writeFileSync(file, text)
  const db = await use(folder)
  assert.deepEqual([await db.keys('*'), db.status().storage.error.code], [['a'], 'DAMAGED'])
  await assert.rejects(db.set('x', 1), { code: 'MISCONF' })
  await assert.rejects(db.flush(), { code: 'DAMAGED' })
  assert.equal(fs.readFileSync(file).equals(text), true)
})

test('files of a later version are refused and left alone', async () => {
  const folder = await filled()
  const file = newest(folder)
  const text = fs.readFileSync(file)
  text[7] = 0x32
  fs.writeFileSync(file, text)
  const before = bytes(folder)
  await assert.rejects(open(folder), { name: 'StorageError', code: 'NEWER' })
  assert.deepEqual(bytes(folder), before)
})

/** Lets writes to files of `folder` fail as `failure()` says, if it says something. */
function breakWrites(folder, failure) {
  const open = fs.promises.open
  mock.method(fs.promises, 'open', async (path, ...rest) => {
    const handle = await open.call(fs.promises, path, ...rest)
    const write = handle.write
    if (String(path).startsWith(folder)) {
      handle.write = async (...args) => {
        const code = failure()
        if (code) throw Object.assign(new Error(`${code}: it failed, write`), { code })
        return write.apply(handle, args)
      }
    }
    return handle
  })
}

test('a full disk is an event; the database goes on and stores everything once there is room', async () => {
  for (const code of ['ENOSPC', 'EDQUOT']) {
    const folder = fresh()
    let full = false
    breakWrites(folder, () => full && code)
    const db = await use(folder)
    const events = []
    db.on('storage', ({ error }) => events.push(error?.code ?? null))
    await db.set('small', 1)
    await db.flush()
    full = true
    for (let i = 0; i < 20; i++) db.sync.set(`big${i}`, 'x'.repeat(10_000))
    await assert.rejects(db.flush(), { name: 'StorageError', code: 'QUOTA' })
    assert.deepEqual([await db.strlen('big19'), db.status().storage.pending], [10_000, true])
    full = false
    await db.flush()
    assert.deepEqual([events.at(0), events.at(-1), db.status().storage.pending], ['QUOTA', null, false])
    await db.close()
    assert.equal(await (await use(folder)).dbsize(), 21)
    mock.restoreAll()
  }
})

test('a folder on a full disk is not opened, and is as it was', async () => {
  const folder = await filled()
  const before = bytes(folder)
  breakWrites(folder, () => 'ENOSPC')
  await assert.rejects(open(folder), { name: 'StorageError', code: 'QUOTA' })
  assert.deepEqual(bytes(folder), before)
  mock.restoreAll()
  assert.equal(await (await use(folder)).dbsize(), 3)
})

test('where nothing can be written there is no database, and what to do is said', async () => {
  const file = join(home, 'a file')
  fs.writeFileSync(file, 'text')
  for (const folder of [file, join(file, 'deeper')]) {
    await assert.rejects(open(folder), (error) => {
      assert.deepEqual([error.name, error.code], ['StorageError', 'UNAVAILABLE'])
      assert.match(error.message, /give open\(\) a folder that this process may write to/)
      return true
    })
  }
  const folder = fresh()
  for (const code of ['EACCES', 'EROFS']) {
    mock.method(fs.promises, 'mkdir', async () => Promise.reject(Object.assign(new Error(code), { code })))
    await assert.rejects(open(folder), { name: 'StorageError', code: 'UNAVAILABLE' })
    mock.restoreAll()
  }
  assert.equal(fs.existsSync(folder), false)
})

test('CONFIG SET appendfsync switches between relaxed and strict', async () => {
  const db = await use(fresh())
  const handle = await fs.promises.open(join(home, 'handle'), 'w')
  const { prototype } = handle.constructor
  await handle.close()
  const seen = []
  for (const fsync of ['always', 'everysec', 'always']) {
    await db.config('SET', 'appendfsync', fsync)
    const syncs = mock.method(prototype, 'datasync')
    await db.set('k', fsync)
    const { durability, pending } = db.status().storage
    await db.flush()
    seen.push([durability, pending, syncs.mock.callCount()])
    syncs.mock.restore()
    // Relaxed has the disk sync later, which is not to be counted.
    await new Promise((resolve) => setTimeout(resolve, fsync === 'everysec' ? 1_200 : 0))
  }
  assert.deepEqual(seen, [['strict', false, 1], ['relaxed', true, 0], ['strict', false, 1]])
})

test('a folder that is removed under a database is an error', async () => {
  const folder = fresh()
  const db = await use(folder)
  await db.set('k', 'v')
  await db.flush()
  fs.rmSync(folder, { recursive: true })
  await db.set('k', 'w')
  await assert.rejects(db.flush(), { code: 'GONE' })
  assert.equal(await db.get('k'), 'w')
})

test('removing a database removes what was made for it, and nothing else', async () => {
  const [alone, shared] = [await filled(), await filled()]
  fs.writeFileSync(join(shared, 'notes.txt'), 'mine')
  fs.writeFileSync(join(shared, 'segment-1.tabdis'), 'mine too')
  await remove(alone)
  await remove(shared)
  assert.equal(fs.existsSync(alone), false)
  assert.deepEqual(fs.readdirSync(shared).sort(), ['notes.txt', 'segment-1.tabdis'])
  assert.equal(await (await use(shared)).dbsize(), 0)
  await remove(fresh())
})

test('the room taken does not grow with what is written', async () => {
  const folder = fresh()
  const db = await use(folder)
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 500; i++) db.sync.set(`k${i}`, `${round}-${i}-`.repeat(60))
    await db.flush()
  }
  const total = segments(folder).reduce((sum, name) => sum + fs.statSync(join(folder, name)).size, 0)
  const { bytes } = db.status().storage
  assert.ok(total < 2 * bytes + 16e6, `${total} bytes in files for ${bytes} of data, of 10 MB written`)
  await db.close()
  const again = await use(folder)
  assert.deepEqual([await again.dbsize(), await again.get('k499')], [500, '39-499-'.repeat(60)])
})

test('importing the package takes none of the modules of Node', async () => {
  const child = elsewhere('', `say('imported')`)
  assert.deepEqual([await child.ended, child.text()], [[0, null], 'imported'])
  const code = `process.getBuiltinModule = () => { throw new Error('asked') }
    await import(${JSON.stringify(address)}); console.log('imported')`
  const script = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'inherit', 'inherit'] })
  assert.deepEqual(await once(script, 'exit'), [0, null])
  // Those two are for Node alone.
  const files = fs.readdirSync(join(root, 'pkg/dist')).filter((name) => name.endsWith('.js') && !['ioredis.js', 'server.js'].includes(name))
  assert.ok(files.length > 1)
  for (const file of files) assert.doesNotMatch(fs.readFileSync(join(root, 'pkg/dist', file), 'utf8'), /(from|import\()\s*["']node:/)
})
