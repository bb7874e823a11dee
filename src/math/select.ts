/** The k-th largest value (k = 1 is the largest) by quickselect, expected linear time. Reorders `values`; 1 ≤ k ≤ length. */
export function kthLargest(values: Float32Array, k: number): number {
  let low = 0
  let high = values.length - 1
  const place = k - 1
  while (low < high) {
    const pivot = values[(low + high) >> 1]!
    let i = low
    let j = high
    while (i <= j) {
      while (values[i]! > pivot) i++
      while (values[j]! < pivot) j--
      if (i <= j) {
        const kept = values[i]!
        values[i++] = values[j]!
        values[j--] = kept
      }
    }
    if (place <= j) high = j
    else if (place >= i) low = i
    else break
  }
  return values[place]!
}
