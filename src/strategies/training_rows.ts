import { createScan, type QuantizedRows, quantizeRows, SCAN_QUERIES } from '../math/quantized_rows.ts'
import type { Checkpoint, Outcomes, Reason, Tensor } from '../types.ts'
import { checkIndexes, tensorOf } from './checkpoint_parts.ts'
import { readStrings, stringTensors } from './strings_tensor.ts'

const REASONS = 5

/** Training prompts as a strategy remembers them: vectors in 8 bits a number, ids, categories. */
export interface TrainingRows {
  readonly count: number
  /**
   * Calls `visit` once per query, in order, with its cosines to all rows: an array that the next call overwrites.
   * @param queries row-major queries × width, of unit length.
   */
  scan(queries: Float32Array, visit: (query: number, cosines: Float32Array) => void): void
  /** A row as a reason; with text only where it was kept. */
  reason(row: number, weight: number): Reason
}

/** The tensors of training rows. The text of prompts is kept only where asked for. */
export function rowTensors(
  { ids, categories, prompts }: Pick<Outcomes, 'ids' | 'categories' | 'prompts'>,
  vectors: Float32Array,
  width: number,
  keepPrompts: boolean,
): Record<string, Tensor> {
  const { codes, scales } = quantizeRows(vectors, width)
  const names = [...new Set(categories)]
  const places = new Map(names.map((name, place) => [name, place]))
  return {
    vectors: { shape: [ids.length, width], data: codes },
    scales: { shape: [ids.length], data: scales },
    ...stringTensors('ids', ids),
    ...stringTensors('categories', names),
    category: { shape: [ids.length], data: Int32Array.from(categories, name => places.get(name)!) },
    ...(keepPrompts ? stringTensors('prompts', prompts) : {}),
  }
}

/** Reads them back. Throws DataError where the tensors do not fit each other. */
export function readRows(checkpoint: Checkpoint, width: number): TrainingRows {
  const scales = tensorOf(checkpoint, 'scales', Float32Array, [undefined])
  const count = scales.length
  const codes = tensorOf(checkpoint, 'vectors', Int8Array, [count, width])
  const category = tensorOf(checkpoint, 'category', Int32Array, [count])
  const names = tensorOf(checkpoint, 'categories_ends', Int32Array, [undefined]).length
  checkIndexes(checkpoint, 'category', category, names)
  const idOf = readStrings(checkpoint, 'ids', count)
  const categoryOf = readStrings(checkpoint, 'categories')
  const textOf = Object.hasOwn(checkpoint.tensors, 'prompts') ? readStrings(checkpoint, 'prompts', count) : undefined
  return {
    count,
    scan: scanOver({ codes, scales, width }),
    reason(row, weight) {
      const name = categoryOf(category[row]!)
      return {
        kind: 'neighbour',
        name: idOf(row),
        weight,
        ...(name ? { category: name } : {}),
        ...(textOf ? { text: textOf(row) } : {}),
      }
    },
  }
}

/** The neighbours that moved the win rate most, in that order. */
export function strongestReasons(reasons: readonly Reason[]): Reason[] {
  return reasons.toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, REASONS)
}

function scanOver(rows: QuantizedRows): TrainingRows['scan'] {
  const { width } = rows
  const count = rows.scales.length
  const scan = createScan(rows)
  return (queries, visit) => {
    const total = queries.length / width
    const cosines = new Float32Array(Math.min(SCAN_QUERIES, total) * count)
    for (let first = 0; first < total; first += SCAN_QUERIES) {
      const last = Math.min(first + SCAN_QUERIES, total)
      scan(queries.subarray(first * width, last * width), cosines)
      for (let query = first; query < last; query++) {
        visit(query, cosines.subarray((query - first) * count, (query - first + 1) * count))
      }
    }
  }
}
