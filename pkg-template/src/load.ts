// Finds and compiles the engine, once per page or process.

/** Where the engine can come from: an address, its bytes, a response, or a compiled module. */
export type WasmSource = string | URL | Response | BufferSource | WebAssembly.Module

/** What was compiled, by its source; the package's own has no name. */
const compiled = new Map<WasmSource | undefined, Promise<WebAssembly.Module>>()

/** Returns the compiled engine; that of the package itself if no source is given. Fails with the reason and a way out. */
export function wasmModule(source?: WasmSource): Promise<WebAssembly.Module> {
  let module = compiled.get(source)
  if (!module) {
    module = compile(source ?? new URL('./tabdis.wasm', import.meta.url))
    compiled.set(source, module)
    // A failure is not kept: the network may be back next time.
    module.catch(() => compiled.delete(source))
  }
  return module
}

async function compile(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source
  if (typeof source === 'string' || source instanceof URL) {
    const file = fromFile(source)
    if (file) return WebAssembly.compile(file)
    return fromResponse(await get(source))
  }
  if (typeof Response === 'function' && source instanceof Response) return fromResponse(source)
  return WebAssembly.compile(source as BufferSource)
}

/** In Node, what a file: URL names. Without `import`, which bundlers for browsers would follow. */
function fromFile(source: string | URL): Uint8Array<ArrayBuffer> | undefined {
  const url = String(source)
  if (!url.startsWith('file:') || typeof process !== 'object') return undefined
  const fs = process.getBuiltinModule?.('node:fs') as typeof import('node:fs') | undefined
  return fs?.readFileSync(new URL(url)) as Uint8Array<ArrayBuffer> | undefined
}

async function fromResponse(response: Response): Promise<WebAssembly.Module> {
  if (response.headers.get('content-type')?.startsWith('application/wasm')) return WebAssembly.compileStreaming(response)
  const bytes = await response.arrayBuffer()
  if (isWasm(bytes)) return WebAssembly.compile(bytes)
  // Vite 5–7 answers with its index page, because its optimiser moved this file away from the engine beside it.
  const again = await get(new URL('/node_modules/tabdis/dist/tabdis.wasm', response.url || undefined)).catch(() => undefined)
  const moved = await again?.arrayBuffer()
  if (moved && isWasm(moved)) return WebAssembly.compile(moved)
  throw new Error(
    `${response.url} is not the engine (tabdis.wasm) but something else. ` +
      `With Vite's dev server set optimizeDeps.exclude: ['tabdis']; else pass open() the engine as { wasm }, or import 'tabdis/inline'.`,
  )
}

async function get(url: string | URL): Promise<Response> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${String(url)}: ${response.status}. The engine (tabdis.wasm) has to be served beside the code, or be passed to open() as { wasm }, or come with 'tabdis/inline'.`)
  return response
}

function isWasm(bytes: ArrayBuffer): boolean {
  return bytes.byteLength > 8 && new DataView(bytes).getUint32(0) === 0x00_61_73_6d
}
