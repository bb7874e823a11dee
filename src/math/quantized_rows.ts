import { int8Dot } from './int8_dot.ts'

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
  const { memory, quantize, scan, scale } = int8Dot.create()
  const aligned = (bytes: number) => Math.ceil(bytes / LANES) * LANES
  const valuesAt = SCAN_QUERIES * padded * 2
  const sumsAt = valuesAt + padded * 4
  const cosinesAt = aligned(sumsAt + SCAN_QUERIES * rows * 4) + LANES
  const scalesAt = aligned(cosinesAt + SCAN_QUERIES * rows * 4) + LANES
  const codesAt = aligned(scalesAt + rows * 4) + LANES
  memory.grow(Math.ceil((codesAt + rows * padded) / PAGE))
  const values = new Float32Array(memory.buffer, valuesAt, width)
  const cosines = new Float32Array(memory.buffer, cosinesAt, SCAN_QUERIES * rows)
  new Float32Array(memory.buffer, scalesAt, rows).set(scales)
  const stored = new Int8Array(memory.buffer, codesAt, rows * padded)
  if (padded === width) stored.set(codes)
  else for (let row = 0; row < rows; row++) stored.set(codes.subarray(row * width, (row + 1) * width), row * padded)
  const steps = new Float64Array(SCAN_QUERIES)
  return (queries, out) => {
    const count = queries.length / width
    if (rows === 0 || count === 0) return
    for (let query = 0; query < count; query++) {
      values.set(queries.subarray(query * width, (query + 1) * width))
      steps[query] = quantize(valuesAt, valuesAt + padded * 4, most, query * padded * 2)
    }
    scan(0, count, codesAt, rows, padded, sumsAt)
    // In order, since each may fill the first places of the next.
    for (let query = 0; query < count; query++) {
      const sums = sumsAt + query * rows * 4
      scale(sums, sums + rows * 4, steps[query]!, scalesAt, cosinesAt + query * rows * 4)
    }
    out.set(cosines.subarray(0, count * rows))
  }
}
