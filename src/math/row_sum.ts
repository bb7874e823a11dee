import type { QuantizedRows } from './quantized_rows.ts'
import { wasmKernel } from './wasm_kernel.ts'

/** What row_sum.wat exports: memory, and a function that leaves its sums in it. Places are bytes from its start. */
interface RowSum {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  sum(places: number, end: number, factors: number, length: number, out: number): void
}

/** Numbers that are read at once; rows are filled up to a multiple of it. */
const LANES = 16
const BYTES = 4
const PAGE = 65536

/**
 * A function that adds up rows, one for each of the first `count` numbers in `chosen`, in 32 bits. The result has the rows' width,
 * and is the same memory every time. A row is copied when it is first asked for: most of a large table never is.
 * @param rows `scales` is 1 for every row where it is left out
 * @param most rows that are added up at once
 * @param load called before a row is copied
 */
export function createRowSum(
  { codes, scales, width }: Omit<QuantizedRows, 'scales'> & Partial<QuantizedRows>,
  most: number,
  load: (row: number) => void = () => {},
): (chosen: Int32Array, count: number) => Float32Array {
  const padded = Math.ceil(width / LANES) * LANES
  const [factorsAt, outAt, rowsAt] = [most * BYTES, 2 * most * BYTES, 2 * most * BYTES + padded * BYTES]
  const { memory, sum } = rowSum.create()
  const height = codes.length / width
  memory.grow(Math.ceil((rowsAt + height * padded) / PAGE))
  const places = new Int32Array(memory.buffer, 0, most)
  const factors = new Float32Array(memory.buffer, factorsAt, most).fill(1)
  const sums = new Float32Array(memory.buffer, outAt, width)
  const rows = new Int8Array(memory.buffer, rowsAt)
  const isCopied = new Uint8Array(height)
  return (chosen, count) => {
    for (let i = 0; i < count; i++) {
      const row = chosen[i]!
      if (isCopied[row] === 0) {
        load(row)
        rows.set(codes.subarray(row * width, (row + 1) * width), row * padded)
        isCopied[row] = 1
      }
      places[i] = rowsAt + row * padded
      if (scales) factors[i] = scales[row]!
    }
    sum(0, count * BYTES, factorsAt, padded, outAt)
    return sums
  }
}

/** row_sum.wat. */
export const rowSum = wasmKernel<RowSum>(
  'AGFzbQEAAAABCQFgBX9/f39/AAMCAQAFAwEAAQcQAgZtZW1vcnkCAANzdW0AAAqhAgGeAgICfwd7A0D9DAAAAAAAAAAAAAAAAAAAAAAhCv0M' +
    'AAAAAAAAAAAAAAAAAAAAACEL/QwAAAAAAAAAAAAAAAAAAAAAIQz9DAAAAAAAAAAAAAAAAAAAAAAhDSAAIQYCQANAIAYgAU8NASAGIAJq/QkC' +
    'ACEHIAYoAgAgBWr9AAQAIQggCP2HASEJIAogByAJ/acB/foB/eYB/eQBIQogCyAHIAn9qAH9+gH95gH95AEhCyAI/YgBIQkgDCAHIAn9pwH9' +
    '+gH95gH95AEhDCANIAcgCf2oAf36Af3mAf3kASENIAZBBGohBgwACwsgBCAK/QsEACAEIAv9CwQQIAQgDP0LBCAgBCAN/QsEMCAEQcAAaiEE' +
    'IAVBEGoiBSADSQ0ACws=',
)
