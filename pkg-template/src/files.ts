// The files of a folder, in Node: what the engine does with them is in src/persist/files. And who may use the folder at all.
import type { FileHandle } from 'node:fs/promises'
import { StorageError } from './errors.js'

/** What we make in a folder, besides the lock. */
const OURS = /^segment-[0-9a-f]{8}\.tabdis$|^lock\.tabdis-/
const LOCK = 'lock.tabdis'
/** How long the end of another process is waited for, and how often it is looked at (ms). */
const [PATIENCE, GLANCE] = [2_000, 50]

/** Whether databases with a name are in files. */
export function hasFiles(): boolean {
  return typeof indexedDB === 'undefined' && typeof process === 'object' && !!process.versions?.node
}

/** Node's own modules. Without `import`, which bundlers for browsers would follow. */
function node() {
  const get = process.getBuiltinModule as typeof process.getBuiltinModule | undefined
  if (!get) throw new StorageError('UNAVAILABLE', `files need Node 20.16, 22.3 or newer, this is ${process.version}`)
  return { fs: get('node:fs'), path: get('node:path'), os: get('node:os') }
}

/** A folder that is ours until `close`. The engine calls the other methods. */
export class Folder {
  private readonly fs = node().fs
  /** The file that is written to. */
  private current: { name: string; handle: Promise<FileHandle> } | undefined
  private closed = false

  private constructor(
    private readonly path: string,
    private readonly unlock: () => void,
  ) {}

  /**
   * Makes the folder if it is not there, and locks it. Fails with LOCKED if another database has it, with UNAVAILABLE if nothing
   * can be written there.
   */
  static async open(name: string): Promise<Folder> {
    const full = node().path.resolve(name)
    try {
      await makeFolder(full)
      return new Folder(full, await lock(name, full))
    } catch (error) {
      throw refusal(name, error)
    }
  }

  close(): void {
    this.closed = true
    this.release()
    this.unlock()
  }

  async list(): Promise<(string | number)[]> {
    const names = await this.fs.promises.readdir(this.path)
    return names.filter((name) => OURS.test(name)).flatMap((name) => [name, this.size(name) ?? 0])
  }

  /** At once: it is asked after every transaction. */
  size(name: string): number | undefined {
    return this.fs.statSync(this.file(name), { throwIfNoEntry: false })?.size
  }

  async read(name: string, at: number, length: number): Promise<Uint8Array> {
    const handle = await this.fs.promises.open(this.file(name), 'r')
    try {
      const bytes = new Uint8Array(Math.min(length, Math.max((await handle.stat()).size - at, 0)))
      let done = 0
      while (done < bytes.length) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, at + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return bytes.subarray(0, done)
    } finally {
      await handle.close()
    }
  }

  async create(name: string): Promise<void> {
    await (await this.fs.promises.open(this.file(name), 'wx')).close()
  }

  write(name: string, at: number, bytes: Uint8Array): Promise<void> {
    return this.use(name, async (handle) => {
      for (let done = 0; done < bytes.length; ) {
        done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
      }
    })
  }

  sync(name: string): Promise<void> {
    return this.use(name, (handle) => handle.datasync())
  }

  syncFolder(): Promise<void> {
    return syncFolder(this.path)
  }

  async remove(name: string): Promise<void> {
    if (this.current?.name === name) this.release()
    await this.fs.promises.rm(this.file(name), { force: true })
  }

  /** The process may end before that. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms).unref())
  }

  private file(name: string): string {
    return `${this.path}/${name}`
  }

  /** Does something with a file that is then kept open, as it will be used again. */
  private async use(name: string, work: (handle: FileHandle) => Promise<void>): Promise<void> {
    if (this.current?.name !== name) {
      this.release()
      this.current = { name, handle: this.fs.promises.open(this.file(name), 'r+') }
    }
    try {
      await work(await this.current.handle)
    } catch (error) {
      this.release()
      throw error
    }
    if (this.closed) this.release()
  }

  /** Closes the file when what is being done with it is done. */
  private release(): void {
    this.current?.handle.then((handle) => handle.close()).catch(() => {})
    this.current = undefined
  }
}

/** Removes what we made in a folder, and the folder if nothing else is in it. Fails with LOCKED while a database has it. */
export async function removeFolder(name: string): Promise<void> {
  const { fs, path } = node()
  const full = path.resolve(name)
  if (!fs.existsSync(full)) return
  try {
    const unlock = await lock(name, full)
    try {
      // The oldest first: what is left by a crash is not taken for an earlier state.
      const ours = (await fs.promises.readdir(full)).filter((name) => OURS.test(name)).sort()
      for (const file of ours) await fs.promises.rm(path.join(full, file), { force: true })
    } finally {
      unlock()
    }
    await fs.promises.rmdir(full)
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'ENOENT') throw refusal(name, error)
  }
}

/** Makes a folder and those it is in. Not by Node's `recursive`, which never ends where the system makes none, as in /proc. */
async function makeFolder(full: string): Promise<void> {
  const { fs, path } = node()
  const parent = path.dirname(full)
  if (fs.statSync(full, { throwIfNoEntry: false })?.isDirectory()) return
  if (parent !== full) await makeFolder(parent)
  await fs.promises.mkdir(full).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST' || !fs.statSync(full).isDirectory()) throw error
  })
  // A folder is kept by the folder it is in.
  await syncFolder(parent)
}

async function syncFolder(path: string): Promise<void> {
  // Windows keeps folders by itself, and does not open them.
  if (process.platform === 'win32') return
  const handle = await node().fs.promises.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code
}

/** Why a folder cannot be used, and what to do. */
function refusal(name: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error
  const code = codeOf(error) ?? ''
  const { message } = error as Error
  if (code === 'ENOSPC' || code === 'EDQUOT') return new StorageError('QUOTA', `there is no room for '${name}': ${message}`, { cause: error })
  if (!/^(EACCES|ENOENT|EPERM|EROFS|ENOTDIR|EEXIST|EISDIR|ELOOP|ENAMETOOLONG|EINVAL)$/.test(code)) {
    return new StorageError('FAILED', `'${name}' cannot be opened: ${message}`, { cause: error })
  }
  const way = 'give open() a folder that this process may write to, or no name for a database in memory'
  return new StorageError('UNAVAILABLE', `nothing can be kept in '${name}': ${message}; ${way}`, { cause: error })
}

/**
 * Makes the folder ours until the function returned is called. A lock whose process has ended is taken over. This is for good
 * manners: if it is broken, by a copied folder or a process that cannot be seen, the files themselves keep two owners apart.
 */
async function lock(name: string, folder: string): Promise<() => void> {
  const { fs, path } = node()
  const file = path.join(folder, LOCK)
  const token = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')
  const mine = `tabdis lock 1\n${process.pid} ${birth(process.pid)} ${boot()} ${token}\n`
  for (const end = Date.now() + PATIENCE; !take(file, mine); ) {
    if (Date.now() > end) throw new StorageError('LOCKED', `'${name}' is open already, in process ${holder(text(file))?.pid ?? 'unknown'}`)
    await new Promise((resolve) => setTimeout(resolve, GLANCE))
  }
  return () => {
    if (text(file) === mine) fs.rmSync(file, { force: true })
  }
}

/** Tries to take a lock. */
function take(file: string, mine: string): boolean {
  const { fs } = node()
  if (make(file, mine)) return true
  const found = text(file)
  if (found === undefined || isHeld(file, found)) return false
  // Only one at a time may take this very lock over: who makes the file that becomes the new one.
  const next = `${file}-${holder(found)?.token ?? 'empty'}`
  if (!make(next, mine)) {
    // Somebody does that, unless he ended over it.
    const other = text(next)
    if (other !== undefined && !isHeld(next, other)) fs.rmSync(next, { force: true })
    return false
  }
  const still = text(file) === found
  if (still) fs.renameSync(next, file)
  else fs.rmSync(next, { force: true })
  return still
}

/** Makes a file. Returns false if it is there. */
function make(file: string, text: string): boolean {
  try {
    node().fs.writeFileSync(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function text(file: string): string | undefined {
  try {
    return node().fs.readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function holder(text: string | undefined): { pid: number; birth: string; boot: string; token: string } | undefined {
  const [, pid, birth, boot, token] = /^tabdis lock \d+\n(\d+) (\S+) (\S+) (\w+)\n/.exec(text ?? '') ?? []
  return token === undefined ? undefined : { pid: Number(pid), birth: birth!, boot: boot!, token }
}

/** Whether the process that wrote a lock lives. */
function isHeld(file: string, text: string): boolean {
  const found = holder(text)
  if (!found) {
    // Empty: its maker is about to write it, or ended before that. Anything else is not ours.
    const age = Date.now() - (node().fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Infinity)
    return text !== '' || age < PATIENCE
  }
  if (!sameBoot(found.boot, boot())) return false
  // Numbers of processes are used again.
  const now = birth(found.pid)
  if (now !== '-' && found.birth !== '-' && now !== found.birth) return false
  try {
    process.kill(found.pid, 0)
    return true
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

/** When a process was started, in a word; `-` if that cannot be known. One that ended may stay until its parent has looked. */
function birth(pid: number): string {
  try {
    const stat = node().fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return /[ZX]/.test(fields[0]!) ? 'ended' : (fields[19] ?? '-')
  } catch {
    return '-'
  }
}

/** When the system was started, in a word. */
function boot(): string {
  const { fs, os } = node()
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return String(Math.round(Date.now() / 1000 - os.uptime()))
  }
}

function sameBoot(a: string, b: string): boolean {
  // Seconds, where there is no name for it: the clock may have been set a little.
  return a === b || Math.abs(Number(a) - Number(b)) < 60
}
