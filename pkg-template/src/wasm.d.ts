// The engine's bytes, as esbuild puts them into dist/inline.js.
declare module 'tabdis-wasm' {
  const wasm: Uint8Array<ArrayBuffer>
  export default wasm
}
