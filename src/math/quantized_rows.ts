import { createInt8Dot } from './int8_dot.ts'

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

/** Queries that one call of a scan takes at most. */
export const SCAN_QUERIES = 32
/** Numbers that are multiplied at once; rows and queries are filled up to a multiple of it. */
const LANES = 16
const PAGE = 65536

/**
 * A function that fills `out` (row-major queries × rows) with the dot products of up to `SCAN_QUERIES` queries (row-major
 * queries × width) and every row: cosines where both are of unit length. Queries are rounded to whole multiples of their
 * own scale, as fine as sums in 32 bits allow, so that nothing depends on which of them are asked together.
 */
export function createScan({
  codes,
  scales,
  width,
}: QuantizedRows): (queries: Float32Array, out: Float32Array) => void {
  const rows = scales.length
  const padded = Math.ceil(width / LANES) * LANES
  const most = Math.min(32767, Math.floor((2 ** 31 - 1) / (127 * width)))
  const { memory, scan } = createInt8Dot()
  const outAt = SCAN_QUERIES * padded * 2
  const codesAt = Math.ceil((outAt + SCAN_QUERIES * rows * 4) / LANES) * LANES
  memory.grow(Math.ceil((codesAt + rows * padded) / PAGE))
  const asked = new Int16Array(memory.buffer, 0, SCAN_QUERIES * padded)
  const sums = new Int32Array(memory.buffer, outAt, SCAN_QUERIES * rows)
  const stored = new Int8Array(memory.buffer, codesAt, rows * padded)
  for (let row = 0; row < rows; row++) stored.set(codes.subarray(row * width, (row + 1) * width), row * padded)
  return (queries, out) => {
    const count = queries.length / width
    const steps = new Float64Array(count)
    for (let query = 0; query < count; query++) {
      const values = queries.subarray(query * width, (query + 1) * width)
      steps[query] = quantizeQuery(values, most, asked.subarray(query * padded, (query + 1) * padded))
    }
    if (rows > 0 && count > 0) scan(0, count, codesAt, rows, padded, outAt)
    for (let query = 0; query < count; query++) {
      const step = steps[query]!
      for (let row = 0; row < rows; row++) out[query * rows + row] = sums[query * rows + row]! * step * scales[row]!
    }
  }
}

/** Rounds a query to at most `most` steps into `to`; returns what a step is worth. */
function quantizeQuery(values: Float32Array, most: number, to: Int16Array): number {
  let largest = 0
  for (let j = 0; j < values.length; j++) largest = Math.max(largest, Math.abs(values[j]!))
  const step = largest / most || 1
  for (let j = 0; j < values.length; j++) to[j] = Math.round(values[j]! / step)
  return step
}
