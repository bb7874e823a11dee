import type { QuantizedRows } from './quantized_rows.ts'
import { wasmKernel } from './wasm_kernel.ts'

/** What row_sum.wat exports: memory, and a function that leaves its sums in it. Places are bytes from its start. */
interface RowSum {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  sum(places: number, end: number, length: number, out: number): void
}

/** Numbers that are read at once; rows are filled up to a multiple of it. */
const LANES = 16
const BYTES = 4
const PAGE = 65536

/**
 * A function that adds up rows, one for each of the first `count` numbers in `chosen`, in 32 bits. The result has the rows' width,
 * and is the same memory every time. A row is copied when it is first asked for, its scale behind it: most of a large table never
 * is, and what is lies together.
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
  const length = padded + LANES
  const [outAt, rowsAt] = [most * BYTES, most * BYTES + padded * BYTES]
  const { memory, sum } = rowSum.create()
  const height = codes.length / width
  memory.grow(Math.ceil((rowsAt + height * length) / PAGE))
  const places = new Int32Array(memory.buffer, 0, most)
  const sums = new Float32Array(memory.buffer, outAt, width)
  const rows = new Int8Array(memory.buffer)
  const factors = new Float32Array(memory.buffer)
  return (chosen, count) => {
    for (let i = 0; i < count; i++) {
      const row = chosen[i]!
      const place = rowsAt + row * length
      // No scale: not yet copied, or a row of zeros.
      if (factors[(place + padded) / BYTES] === 0) {
        load(row)
        rows.set(codes.subarray(row * width, (row + 1) * width), place)
        factors[(place + padded) / BYTES] = scales ? scales[row]! : 1
      }
      places[i] = place
    }
    sum(0, count * BYTES, padded, outAt)
    return sums
  }
}

/** row_sum.wat. */
export const rowSum = wasmKernel<RowSum>(
  'AGFzbQEAAAABCAFgBH9/f38AAwIBAAUDAQABBxACBm1lbW9yeQIAA3N1bQAACqUCAaICAgN/B3sDQP0MAAAAAAAAAAAAAAAAAAAAACEK/QwAAAAAAAAA' +
    'AAAAAAAAAAAAIQv9DAAAAAAAAAAAAAAAAAAAAAAhDP0MAAAAAAAAAAAAAAAAAAAAACENIAAhBQJAA0AgBSABTw0BIAUoAgAhBiAGIAJq/QkCACEHIAYg' +
    'BGr9AAQAIQggCP2HASEJIAogByAJ/acB/foB/eYB/eQBIQogCyAHIAn9qAH9+gH95gH95AEhCyAI/YgBIQkgDCAHIAn9pwH9+gH95gH95AEhDCANIAcg' +
    'Cf2oAf36Af3mAf3kASENIAVBBGohBQwACwsgAyAK/QsEACADIAv9CwQQIAMgDP0LBCAgAyAN/QsEMCADQcAAaiEDIARBEGoiBCACSQ0ACws=',
)
