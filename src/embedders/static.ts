import { DataError, UsageError } from '../errors.ts'
import { createRowSum } from '../math/row_sum.ts'
import { createUnitRow } from '../math/unit_rows.ts'
import { visitPieces } from '../text/pieces.ts'
import type { Embedder, Resources, TensorFile } from '../types.ts'
import type { EmbedderOptions } from './registry.ts'

/** Pieces of a text that count; the sentence encoder that the table was distilled from reads no more than 256. */
const MOST_PIECES = 256

/**
 * A table of vectors of words and pieces of words, distilled from a sentence encoder (checkpoints/recipes/static): the sum
 * of a text's rows, at unit length. Rows carry their own weight. A blank text gives a zero row.
 * @throws UsageError where nothing reads the table; DataError where it is not one.
 */
export async function create(
  _: EmbedderOptions,
  { embedderTable }: Pick<Resources, 'embedderTable'>,
): Promise<Embedder> {
  if (!embedderTable)
    throw new UsageError('static: expected a way to read the table (resources.embedderTable), got none.')
  const table = await embedderTable('static')
  const { slots, codes, scales, dimensions, fingerprint } = checkTable(table)
  const sumOf = createRowSum({ codes, scales, width: dimensions }, MOST_PIECES, row =>
    table.load?.('codes', row * dimensions, (row + 1) * dimensions),
  )
  const toUnit = createUnitRow(new Float32Array(dimensions))
  const pieces = new Int32Array(MOST_PIECES)
  let count = 0
  const add = (piece: number) => {
    pieces[count++] = piece
  }
  return {
    id: 'static',
    dimensions,
    fingerprint,
    async embed(texts) {
      const vectors = new Float32Array(texts.length * dimensions)
      for (let i = 0; i < texts.length; i++) {
        count = 0
        visitPieces(texts[i]!, slots, MOST_PIECES, add)
        toUnit(sumOf(pieces, count), 0, vectors, i * dimensions)
      }
      return vectors
    },
  }
}

function checkTable({ file, metadata, tensors: { slots, codes, scales } }: TensorFile) {
  const [rows = 0, dimensions = 0] = codes?.shape ?? []
  const isTable =
    metadata.format === 'llmroute embedder' &&
    metadata.fingerprint !== undefined &&
    slots?.data instanceof Int32Array &&
    (slots.data.length & (slots.data.length - 1)) === 0 &&
    codes?.data instanceof Int8Array &&
    scales?.data instanceof Float32Array &&
    scales.data.length === rows &&
    rows > 0 &&
    dimensions > 0
  if (!isTable) {
    throw new DataError(
      file,
      undefined,
      'expected slots, codes and scales of an embedder, got others. Install llmroute again.',
    )
  }
  return {
    slots: slots.data as Int32Array,
    codes: codes.data as Int8Array,
    scales: scales.data as Float32Array,
    dimensions,
    fingerprint: metadata.fingerprint!,
  }
}
