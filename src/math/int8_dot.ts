/** What int8_dot.wat exports: memory, and functions that leave their numbers in it. Places are bytes from its start. */
export interface Int8Dot {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  quantize(values: number, end: number, most: number, out: number): number
  scan(queries: number, count: number, codes: number, rows: number, width: number, out: number): void
  scale(sums: number, end: number, step: number, scales: number, out: number): void
}

/** An instance with a memory of its own, one page of 64 KiB long. */
export function createInt8Dot(): Int8Dot {
  return new WebAssembly.Instance(new WebAssembly.Module(int8DotModule)).exports as Int8Dot
}

/** The bytes of int8_dot.wat: JavaScript has no instructions that multiply many small numbers at once, WebAssembly has. */
export const int8DotModule = Uint8Array.from(
  atob(
    'AGFzbQEAAAABJgVgBn9/f39/fwBgBH9/fH8BfGABewF7YAV/f3x/fwBgA3t7ewF7AwYFAAECAwQFAwEAAQckBAZtZW1vcnkCAARzY2FuAAAIcXVh' +
      'bnRpemUAAQVzY2FsZQADCrsEBbsBAgV/AnsDQEEAIQcgAiAEaiEIIAAhCgNA/QwAAAAAAAAAAAAAAAAAAAAAIQwgAiEJA0AgCf0ABAAhCyAMIAv9' +
      'hwEgCv0ABAD9ugEgC/2IASAK/QAEEP26Af2uAf2uASEMIApBIGohCiAJQRBqIgkgCEkNAAsgBSAHIANsIAZqQQJ0aiAM/RsAIAz9GwFqIAz9GwIg' +
      'DP0bA2pqNgIAIAdBAWoiByABSQ0ACyAIIQIgBkEBaiIGIANJDQALC8MBBAF/A3sBfAF7IAAhBANAIAYgBP0ABAD94AH96QEhBiAEQRBqIgQgAUkN' +
      'AAsgBv0fACAG/R8BlyAG/R8CIAb9HwOXl7sgAqMhCCAIRAAAAAAAAAAAYQRARAAAAAAAAPA/IQgLIAj9FCEJA0AgAP0ABAAhBSAF/V8gCf3zARAC' +
      'IQYgBf0dAf0S/V8gCf3zARACIQcgBiAH/R0A/R4BIQYgAyAGIAb9hQH9WwMAACADQQhqIQMgAEEQaiIAIAFJDQALIAgLQQEBeyAA/XQhASAB/QwA' +
      'AAAAAADwPwAAAAAAAPA/IAH9DAAAAAAAAOA/AAAAAAAA4D/98QEgAP1K/U798QH9/AELXwEDeyAC/RQhBwNAIAD9AAQAIQUgA/0ABAAhBiAEIAUg' +
      'ByAGEAT9WwMAACAEIAX9HQH9EiAHIAb9HQH9EhAE/VsDCAAgA0EQaiEDIARBEGohBCAAQRBqIgAgAUkNAAsLFQAgAP3+ASAB/fIBIAL9X/3yAf1e' +
      'Cw==',
  ),
  character => character.charCodeAt(0),
)

/** The little that is used of it; TypeScript has its types only together with a browser's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}
