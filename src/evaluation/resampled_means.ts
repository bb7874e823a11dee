import { eachResample, type ResampleOptions } from '../math/bootstrap.ts'

/**
 * The mean of each column on every bootstrap sample of the rows; equal options and row count give equal samples, so that what
 * is computed from several calls is paired.
 * @param columns all of one length, one value a row.
 * @returns one array of `resamples` means a column.
 */
export function resampledMeans(columns: readonly Float64Array[], options: ResampleOptions): Float64Array[] {
  const means = columns.map(() => new Float64Array(options.resamples))
  const rows = columns[0]?.length ?? 0
  eachResample(rows, options, (counts, index) => {
    for (const [c, column] of columns.entries()) {
      let sum = 0
      for (let row = 0; row < rows; row++) sum += counts[row]! * column[row]!
      means[c]![index] = sum / rows
    }
  })
  return means
}
