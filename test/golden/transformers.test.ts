// What PyTorch says of the tiny encoder (checkpoints/recipes/tiny_encoder/make.py), one text at a time, with sentence-transformers'
// files saying how to pool, how much to read and what to put before.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { create } from '../../src/embedders/transformers.ts'
import { localModels } from '../../src/io/local_models.ts'
import { readGolden } from '../helpers/golden.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

interface Case {
  readonly name: string
  /** Files that are changed, by path. */
  readonly files: Readonly<Record<string, unknown>>
  readonly texts: string[]
  readonly rows: number[][]
}

const folder = temporaryFolder()

describe.each(readGolden<Case>('transformers'))('transformers: $name', ({ name, files, texts, rows }) => {
  const model = join(folder.path, name.replace(/\W+/g, '_'))
  cpSync('test/fixtures/tiny_encoder', model, { recursive: true })
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(model, file)), { recursive: true })
    writeFileSync(join(model, file), JSON.stringify(content))
  }

  test('fp32 agrees to 1e-4, in one batch', async () => {
    const { dimensions, embed } = await create({ model }, { models: localModels })
    const vectors = await embed(texts)
    expect(dimensions).toBe(rows[0]!.length)
    for (const [i, text] of texts.entries()) {
      const apart = rows[i]!.map((value, j) => Math.abs(value - vectors[i * dimensions + j]!))
      expect(Math.max(...apart), text.slice(0, 30)).toBeLessThan(1e-4)
    }
  })

  test('int8 points the same way', async () => {
    const { dimensions, embed } = await create({ model: `${model}@q8` }, { models: localModels })
    const vectors = await embed(texts)
    for (const [i, text] of texts.entries()) {
      const cosine = rows[i]!.reduce((sum, value, j) => sum + value * vectors[i * dimensions + j]!, 0)
      expect(cosine, text.slice(0, 30)).toBeGreaterThan(0.99)
    }
  })
})
