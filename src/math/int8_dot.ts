/** What int8_dot.wat exports: memory, and a function that leaves its sums in it. Places are bytes from its start. */
export interface Int8Dot {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  scan(queries: number, count: number, codes: number, rows: number, width: number, out: number): void
}

/** An instance with a memory of its own, one page of 64 KiB long. */
export function createInt8Dot(): Int8Dot {
  return new WebAssembly.Instance(new WebAssembly.Module(int8DotModule)).exports as Int8Dot
}

/** The bytes of int8_dot.wat: JavaScript has no instructions that multiply many small numbers at once, WebAssembly has. */
export const int8DotModule = Uint8Array.from(
  atob(
    'AGFzbQEAAAABCgFgBn9/f39/fwADAgEABQMBAAEHEQIGbWVtb3J5AgAEc2NhbgAACr4BAbsBAgV/AnsDQEEAIQcgAiAEaiEIIAAh' +
      'CgNA/QwAAAAAAAAAAAAAAAAAAAAAIQwgAiEJA0AgCf0ABAAhCyAMIAv9hwEgCv0ABAD9ugEgC/2IASAK/QAEEP26Af2uAf2uASEM' +
      'IApBIGohCiAJQRBqIgkgCEkNAAsgBSAHIANsIAZqQQJ0aiAM/RsAIAz9GwFqIAz9GwIgDP0bA2pqNgIAIAdBAWoiByABSQ0ACyAI' +
      'IQIgBkEBaiIGIANJDQALCw==',
  ),
  character => character.charCodeAt(0),
)

/** The little that is used of it; TypeScript has its types only together with a browser's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}
