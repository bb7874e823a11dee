import { createScan, quantizeRows, type Scan } from '../math/quantized_rows.ts'
import type { Checkpoint, Outcomes, Reason, Tensor } from '../types.ts'
import { checkIndexes, tensorOf } from './checkpoint_parts.ts'
import { readStrings, stringTensors } from './strings_tensor.ts'

const REASONS = 5

/** Training prompts as a strategy remembers them: vectors in 8 bits a number, ids, categories. */
export interface TrainingRows {
  readonly count: number
  /** Cosines of queries of unit length with all rows. */
  readonly scan: Scan
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
    scan: createScan({ codes, scales, width }),
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
