import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEmbeddingCache } from '../../src/io/embedding_cache.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const files = (path: string) =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map(name => join(path, name))
    .filter(name => statSync(name).isFile())
const inFolder = (name: string) => join(folder.path, name)

test('what is set is there, for another cache on the same folder too', async () => {
  const value = Float32Array.of(1, -2.5, 3e-8)
  await createEmbeddingCache(inFolder('a')).set('key', value)
  const other = createEmbeddingCache(inFolder('a'))
  expect(await other.get('key')).toEqual(value)
  expect(await other.get('other key')).toBeUndefined()
})

test('a view into a larger array is stored as itself', async () => {
  const cache = createEmbeddingCache(inFolder('view'))
  await cache.set('key', Float32Array.of(0, 1, 2, 3).subarray(1, 3))
  expect(await cache.get('key')).toEqual(Float32Array.of(1, 2))
})

test('neither key nor anything of it is in the names, and no half-written file is left', async () => {
  const cache = createEmbeddingCache(inFolder('b'))
  await Promise.all(Array.from({ length: 20 }, (_, i) => cache.set(`secret ${i % 5}`, Float32Array.of(i % 5))))
  const found = files(inFolder('b'))
  expect(found).toHaveLength(5)
  for (const name of found) expect(name).toMatch(/embeddings\/[0-9a-f]{2}\/[0-9a-f]{62}$/)
})

test.each([
  ['cut short', (bytes: Buffer) => bytes.subarray(0, -4)],
  ['changed', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.of(bytes.at(-1)! ^ 1)])],
  ['empty', () => Buffer.alloc(0)],
  ['shorter than its digest', (bytes: Buffer) => bytes.subarray(0, 3)],
])('an entry that is %s counts as absent, and can be set again', async (name, damage) => {
  const cache = createEmbeddingCache(inFolder(name))
  await cache.set('key', Float32Array.of(1, 2, 3))
  const [file] = files(inFolder(name))
  writeFileSync(file!, damage(readFileSync(file!)))
  expect(await cache.get('key')).toBeUndefined()
  await cache.set('key', Float32Array.of(4))
  expect(await cache.get('key')).toEqual(Float32Array.of(4))
})

test('where nothing can be written, nothing is kept and nothing fails', async () => {
  const cache = createEmbeddingCache(folder.write('a file', ''))
  await cache.set('key', Float32Array.of(1))
  expect(await cache.get('key')).toBeUndefined()
})
