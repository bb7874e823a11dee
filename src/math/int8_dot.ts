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
      'bnRpemUAAQVzY2FsZQADCtMHBdMEAwd/BnsEfyAEQQF0IQogA0ECdCEMA0BBACEHIAIgBGohCCAFIQsgACETA0D9DAAAAAAAAAAAAAAAAAAAAAAh' +
      'D/0MAAAAAAAAAAAAAAAAAAAAACEQ/QwAAAAAAAAAAAAAAAAAAAAAIRH9DAAAAAAAAAAAAAAAAAAAAAAhEiACIQkgEyAKaiEUIBQgCmohFSAVIApq' +
      'IRYDQCAJ/QAEAP2HASENIAn9AAQA/YgBIQ4gDyANIBP9AAQA/boBIA4gE/0ABBD9ugH9rgH9rgEhDyATQSBqIRMgECANIBT9AAQA/boBIA4gFP0A' +
      'BBD9ugH9rgH9rgEhECAUQSBqIRQgESANIBX9AAQA/boBIA4gFf0ABBD9ugH9rgH9rgEhESAVQSBqIRUgEiANIBb9AAQA/boBIA4gFv0ABBD9ugH9' +
      'rgH9rgEhEiAWQSBqIRYgCUEQaiIJIAhJDQALIA8gEP0NAAECAxAREhMEBQYHFBUWFyAPIBD9DQgJCgsYGRobDA0ODxwdHh/9rgEhDyARIBL9DQAB' +
      'AgMQERITBAUGBxQVFhcgESAS/Q0ICQoLGBkaGwwNDg8cHR4f/a4BIREgDyAR/Q0AAQIDBAUGBxAREhMUFRYXIA8gEf0NCAkKCwwNDg8YGRobHB0e' +
      'H/2uASEPIAsgD/1aAgAAIAsgDGohCyALIA/9WgIAASALIAxqIQsgCyAP/VoCAAIgCyAMaiELIAsgD/1aAgADIAsgDGohCyAWIRMgB0EEaiIHIAFJ' +
      'DQALIAghAiAFQQRqIQUgBkEBaiIGIANJDQALC8MBBAF/A3sBfAF7IAAhBANAIAYgBP0ABAD94AH96QEhBiAEQRBqIgQgAUkNAAsgBv0fACAG/R8B' +
      'lyAG/R8CIAb9HwOXl7sgAqMhCCAIRAAAAAAAAAAAYQRARAAAAAAAAPA/IQgLIAj9FCEJA0AgAP0ABAAhBSAF/V8gCf3zARACIQYgBf0dAf0S/V8g' +
      'Cf3zARACIQcgBiAH/R0A/R4BIQYgAyAGIAb9hQH9WwMAACADQQhqIQMgAEEQaiIAIAFJDQALIAgLQQEBeyAA/XQhASAB/QwAAAAAAADwPwAAAAAA' +
      'APA/IAH9DAAAAAAAAOA/AAAAAAAA4D/98QEgAP1K/U798QH9/AELXwEDeyAC/RQhBwNAIAD9AAQAIQUgA/0ABAAhBiAEIAUgByAGEAT9WwMAACAE' +
      'IAX9HQH9EiAHIAb9HQH9EhAE/VsDCAAgA0EQaiEDIARBEGohBCAAQRBqIgAgAUkNAAsLFQAgAP3+ASAB/fIBIAL9X/3yAf1eCw==',
  ),
  character => character.charCodeAt(0),
)

/** The little that is used of it; TypeScript has its types only together with a browser's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}
