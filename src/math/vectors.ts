/** Scales a vector to unit length, in place; a zero vector stays. */
export function normalize(vector: Float32Array): void {
  let squares = 0
  for (let i = 0; i < vector.length; i++) squares += vector[i]! * vector[i]!
  if (squares === 0) return
  const scale = 1 / Math.sqrt(squares)
  for (let i = 0; i < vector.length; i++) vector[i]! *= scale
}

/** The mean of the rows of a row-major matrix; zeros where it has none. */
export function meanRow(rows: Float32Array, width: number): Float64Array {
  const mean = new Float64Array(width)
  const count = Math.max(1, rows.length / width)
  for (let i = 0; i < rows.length; i += width) {
    for (let j = 0; j < width; j++) mean[j]! += rows[i + j]! / count
  }
  return mean
}

/** The row that begins at `from`, without a view where there is no other: views cost more than copying such rows does. */
export function rowAt(rows: Float32Array, from: number, width: number): Float32Array {
  return rows.length === width ? rows : rows.subarray(from, from + width)
}
