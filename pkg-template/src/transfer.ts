// The data as an RDB file, out and in. What the files say is Rust's; here is when to go on, and what to tell meanwhile.
import { breathe } from './breathe.js'
import type { Core } from './core.js'
import { RdbError, type RdbCode } from './errors.js'

/** How far it is: of `total`, so many are `done`. */
export interface Progress {
  done: number
  total: number
}

/** What can be told while data goes out or in. */
export interface TransferOptions {
  /** Stops it. It fails with the signal's reason then, and changes nothing. */
  signal?: AbortSignal
  /** Called now and then: with keys when data goes out, with bytes when it comes in. */
  onProgress?: (progress: Progress) => void
}

/** How long the engine is kept at it before others are let run (ms). */
const SLICE = 3
/** Bytes that are loaded between two looks at the clock. */
const PIECE = 32 << 10

/** Returns the data of this moment as an RDB file. Commands go on meanwhile. */
export async function exportRdb(core: Core, { signal, onProgress }: TransferOptions = {}): Promise<Blob> {
  signal?.throwIfAborted()
  // One snapshot is taken at a time: that of the store ends soon.
  while (!core.guard(() => core.host.beginExport(core.now()))) {
    await breathe()
    signal?.throwIfAborted()
  }
  const { host } = core
  const parts: BlobPart[] = []
  const total = core.guard(() => core.host.exportLeft())
  try {
    for (;;) {
      if (core.host !== host) throw new RdbError('INTERRUPTED', 'the database was reset while it was exported')
      const bytes = await own(core, () => host.exportStep())
      if (!bytes) break
      if (bytes.length) parts.push(bytes as Uint8Array<ArrayBuffer>)
      onProgress?.({ done: total - core.guard(() => core.host.exportLeft()), total })
      await breathe()
      signal?.throwIfAborted()
    }
  } finally {
    core.guard(() => core.host.cancelExport())
  }
  return new Blob(parts, { type: 'application/octet-stream' })
}

/** Puts what an RDB file holds in the place of all data, at once when all of it is read. Returns how many keys there are. */
export async function importRdb(core: Core, file: Blob, { signal, onProgress }: TransferOptions = {}): Promise<number> {
  signal?.throwIfAborted()
  const total = file.size
  if (!core.guard(() => core.host.beginImport(total, core.now()))) throw new RdbError('BUSY', 'another file is being imported')
  try {
    let done = 0
    let until = performance.now() + SLICE
    for await (const bytes of pieces(file)) {
      await own(core, () => core.host.importPiece(bytes))
      done += bytes.length
      if (performance.now() < until) continue
      onProgress?.({ done, total })
      await breathe()
      signal?.throwIfAborted()
      until = performance.now() + SLICE
    }
    signal?.throwIfAborted()
    const keys = await own(core, () => core.host.finishImport(core.now()))
    onProgress?.({ done: total, total })
    return keys
  } finally {
    core.guard(() => core.host.cancelImport())
  }
}

async function* pieces(file: Blob): AsyncGenerator<Uint8Array> {
  const reader = file.stream().getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      for (let at = 0; at < next.value.length; at += PIECE) yield next.value.subarray(at, at + PIECE)
    }
  } finally {
    // A file that is not read to its end is let go.
    await reader.cancel().catch(() => {})
  }
}

/** Calls the host, whose failures here are about the file. */
async function own<T>(core: Core, call: () => T): Promise<T> {
  try {
    return await core.guardAsync(async () => call())
  } catch (error) {
    const { code, message } = error as { code?: RdbCode; message?: string }
    throw error instanceof Error ? error : new RdbError(code ?? 'CORRUPT', message ?? String(error))
  }
}
