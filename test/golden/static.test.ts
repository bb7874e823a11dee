import { expect, test } from 'vitest'
import { create } from '../../src/embedders/static.ts'
import { readEmbedderTable } from '../../src/io/embedder_table.ts'
import { visitPieces } from '../../src/text/pieces.ts'
import { readGolden } from '../helpers/golden.ts'

const cases = readGolden<{ text: string; pieces: number[]; vector: number[] }>('static')
const slots = (await readEmbedderTable('static')).tensors.slots!.data as Int32Array
const embedder = await create({}, { embedderTable: readEmbedderTable })

test.each(cases)('$text: the pieces and the vector that the recipe has', async ({ text, pieces, vector }) => {
  const found: number[] = []
  visitPieces(text, slots, 256, piece => found.push(piece))
  expect(found).toEqual(pieces)
  const row = await embedder.embed([text])
  expect(Math.max(...row.map((value, j) => Math.abs(value - vector[j]!)))).toBeLessThan(1e-5)
})
