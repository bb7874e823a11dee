import { rowAt } from './vectors.ts'
import { wasmKernel } from './wasm_kernel.ts'

/** What unit_rows.wat exports: memory, and a function that works in it. Places are bytes from its start. */
interface UnitRows {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  unit(at: number, end: number, centre: number): void
}

const [LANES, BYTES, PAGE] = [4, 4, 65536] as const

/** Puts the row that begins at `from` of `rows`, less the centre and at unit length, into `to` from `at` on; a row of zeros stays. */
export type ToUnitRow = (rows: Float32Array, from: number, to: Float32Array, at: number) => void

/**
 * A function that brings rows to unit length, bit for bit as `normalize` does it.
 * @param centre as wide as the rows.
 */
export function createUnitRow(centre: Float32Array): ToUnitRow {
  const end = Math.ceil(centre.length / LANES) * LANES * BYTES
  const { memory, unit } = unitRows.create()
  memory.grow(Math.ceil((2 * end) / PAGE))
  new Float32Array(memory.buffer, end, centre.length).set(centre)
  const width = centre.length
  const held = new Float32Array(memory.buffer, 0, width)
  return (rows, from, to, at) => {
    held.set(rowAt(rows, from, width))
    unit(0, end, end)
    to.set(held, at)
  }
}

/** unit_rows.wat. */
export const unitRows = wasmKernel<UnitRows>(
  'AGFzbQEAAAABBwFgA39/fwADAgEABQMBAAEHEQIGbWVtb3J5AgAEdW5pdAAACtEBAc4BBAF/A3sBfAF7IAAhAwNAIAP9AAQAIAL9AAQA/eUBIQQg' +
    'AyAE/QsEACAE/V8hBSAE/R0B/RL9XyEGIAUgBf3yASEFIAYgBv3yASEGIAcgBf0hAKAhByAHIAX9IQGgIQcgByAG/SEAoCEHIAcgBv0hAaAhByAC' +
    'QRBqIQIgA0EQaiIDIAFJDQALIAdEAAAAAAAAAABhBEAPC0QAAAAAAADwPyAHn6P9FCEIA0AgACAA/V0DAP1fIAj98gH9Xv1bAwAAIABBCGoiACAB' +
    'SQ0ACws=',
)
