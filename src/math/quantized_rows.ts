import { int8Dot } from './int8_dot.ts'
import { rowAt } from './vectors.ts'

/** Rows of a matrix in 8 bits a number: value = code · scale of the row, off by at most half a scale. */
export interface QuantizedRows {
  /** Row-major rows × width, −127..127. */
  readonly codes: Int8Array
  /** One per row. */
  readonly scales: Float32Array
  readonly width: number
}

/** Rows of a row-major matrix, each scaled by its own largest number. */
export function quantizeRows(matrix: Float32Array, width: number): QuantizedRows {
  const count = matrix.length / width
  const codes = new Int8Array(matrix.length)
  const scales = new Float32Array(count)
  for (let row = 0; row < count; row++) {
    let largest = 0
    for (let j = 0; j < width; j++) largest = Math.max(largest, Math.abs(matrix[row * width + j]!))
    const scale = Math.fround(largest / 127)
    scales[row] = scale
    for (let j = 0; j < width; j++)
      codes[row * width + j] = scale === 0 ? 0 : Math.round(matrix[row * width + j]! / scale)
  }
  return { codes, scales, width }
}

/** Queries that are compared to the rows at once. */
const QUERIES = 32
/** Numbers that are multiplied at once; rows and queries are filled up to a multiple of it. */
const LANES = 16
const PAGE = 65536

/**
 * Calls `visit` once per query (row-major queries × width), in order, with its dot product with every row: cosines where both are
 * of unit length. They are the same memory for later queries.
 */
export type Scan = (queries: Float32Array, visit: (query: number, cosines: Float32Array) => void) => void

/**
 * A scan over rows. Queries are rounded to whole multiples of their own scale, as fine as sums in 32 bits allow, so that nothing
 * depends on which of them are asked together.
 */
export function createScan({ codes, scales, width }: QuantizedRows): Scan {
  const rows = scales.length
  const padded = Math.ceil(width / LANES) * LANES
  const most = Math.min(32767, Math.floor((2 ** 31 - 1) / (127 * width)))
  const { memory, quantize, scan, scanOne, scale } = int8Dot.create()
  const aligned = (bytes: number) => Math.ceil(bytes / LANES) * LANES
  const valuesAt = QUERIES * padded * 2
  const sumsAt = valuesAt + padded * 4
  const cosinesAt = aligned(sumsAt + QUERIES * rows * 4) + LANES
  const scalesAt = aligned(cosinesAt + QUERIES * rows * 4) + LANES
  const codesAt = aligned(scalesAt + rows * 4) + LANES
  memory.grow(Math.ceil((codesAt + (rows + 3) * padded) / PAGE))
  const values = new Float32Array(memory.buffer, valuesAt, width)
  const cosines = Array.from(
    { length: QUERIES },
    (_, query) => new Float32Array(memory.buffer, cosinesAt + query * rows * 4, rows),
  )
  new Float32Array(memory.buffer, scalesAt, rows).set(scales)
  const stored = new Int8Array(memory.buffer, codesAt, rows * padded)
  if (padded === width) stored.set(codes)
  else for (let row = 0; row < rows; row++) stored.set(codes.subarray(row * width, (row + 1) * width), row * padded)
  const steps = new Float64Array(QUERIES)

  function compare(queries: Float32Array, first: number, count: number): void {
    for (let query = 0; query < count; query++) {
      values.set(rowAt(queries, (first + query) * width, width))
      steps[query] = quantize(valuesAt, valuesAt + padded * 4, most, query * padded * 2)
    }
    // Four at a time, and what is left one by one. In order, since each may fill the first places of the next.
    const fours = count - (count % 4)
    if (fours > 0) scan(0, fours, codesAt, rows, padded, sumsAt)
    for (let query = fours; query < count; query++) {
      scanOne(query * padded * 2, codesAt, rows, padded, sumsAt + query * rows * 4)
    }
    for (let query = 0; query < count; query++) {
      const sums = sumsAt + query * rows * 4
      scale(sums, sums + rows * 4, steps[query]!, scalesAt, cosinesAt + query * rows * 4)
    }
  }

  return (queries, visit) => {
    const total = queries.length / width
    for (let first = 0; first < total; first += QUERIES) {
      const count = Math.min(QUERIES, total - first)
      if (rows > 0) compare(queries, first, count)
      for (let query = 0; query < count; query++) visit(first + query, cosines[query]!)
    }
  }
}
