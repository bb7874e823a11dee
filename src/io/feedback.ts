import { DataError } from '../errors.ts'
import { CellError, share } from './cells.ts'
import { readTable } from './table.ts'

/**
 * Reads feedback: columns `id`, as the decision log has it, and `score`, 0..1. Of several scores of one request the mean.
 * @throws DataError where columns are missing or a score is none.
 */
export async function readFeedback(file: string): Promise<ReadonlyMap<string, number>> {
  const table = await readTable(file, 'id')
  const [id, score] = ['id', 'score'].map(name => {
    const column = table.header.indexOf(name)
    if (column >= 0) return column
    throw new DataError(file, 1, `expected columns id and score, got ${table.header.join(', ').slice(0, 200)}.`)
  })
  const sums = new Map<string, { count: number; sum: number }>()
  for (const [i, cells] of table.rows.entries()) {
    const known = sums.get(cells[id!]!) ?? { count: 0, sum: 0 }
    sums.set(cells[id!]!, {
      count: known.count + 1,
      sum: known.sum + scoreOf(cells[score!] ?? '', file, () => table.lineOf(i)),
    })
  }
  return new Map(Array.from(sums, ([request, { count, sum }]) => [request, sum / count]))
}

function scoreOf(cell: string, file: string, lineOf: () => number): number {
  try {
    return share(cell, 'score')
  } catch (error) {
    throw error instanceof CellError ? new DataError(file, lineOf(), error.message) : error
  }
}
