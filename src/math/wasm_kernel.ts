/** What works on many small numbers at once, which JavaScript has no instructions for. */
export interface WasmKernel<Exports> {
  /** Those of its .wat. */
  bytes(): Uint8Array<ArrayBuffer>
  /** An instance with a memory of its own. */
  create(): Exports
}

/** A kernel by its bytes in base64, decoded and compiled on first use, once for all instances: a start may need none. */
export function wasmKernel<Exports>(base64: string): WasmKernel<Exports> {
  let compiled: object | undefined
  const bytes = () => Uint8Array.from(atob(base64), character => character.charCodeAt(0))
  return {
    bytes,
    create() {
      compiled ??= new WebAssembly.Module(bytes())
      return new WebAssembly.Instance(compiled).exports as Exports
    },
  }
}

/** The little that is used of it; TypeScript has its types only together with a browser's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}
