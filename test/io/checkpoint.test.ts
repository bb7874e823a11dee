import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DataError, UsageError } from '../../src/errors.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/io/checkpoint.ts'
import { encodeSafetensors } from '../../src/io/safetensors.ts'
import type { Checkpoint } from '../../src/types.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const checkpoint: Checkpoint = {
  metadata: {
    strategy: 'linear',
    embedder: { id: 'hashing', dimensions: 8 },
    models: ['weak "one"', 'strong – zwei'],
    pair: { strong: 'strong – zwei', weak: 'weak "one"' },
    featureVersion: 3,
    trainedOn: [{ name: 'x', rows: 2, sha256: 'ab', apgr: { value: 0.6, low: 0.5, high: 0.7 } }],
    date: '2026-01-01',
    seed: 4,
    options: { k: 5, names: ['a', 'b'], weights: [0.5, 1] },
  },
  tensors: {
    bytes: { shape: [3], data: Int8Array.of(-1, 0, 1) },
    half: { shape: [2], data: Uint16Array.of(1, 65535) },
    floats: { shape: [2, 2], data: Float32Array.of(1.5, -2, Number.NaN, 4) },
    doubles: { shape: [1], data: Float64Array.of(Math.PI) },
    hashes: { shape: [2], data: BigUint64Array.of(1n, 2n ** 63n) },
    counts: { shape: [1], data: Int32Array.of(-7) },
    text: { shape: [0], data: new Uint8Array(0) },
  },
}
const file = join(folder.path, 'good.safetensors')
const sha256 = await writeCheckpoint(file, checkpoint)

test('what is read is what was written', async () => {
  const read = await readCheckpoint(file)
  expect(read.metadata).toEqual(checkpoint.metadata)
  expect(read.tensors).toEqual(checkpoint.tensors)
  expect(read).toMatchObject({ file, sha256 })
})

test('tensors are views of the file where they are aligned', async () => {
  const { tensors } = await readCheckpoint(file)
  expect(tensors.floats!.data.buffer).toBe(tensors.doubles!.data.buffer)
})

test('the bytes follow the safetensors form: header length, JSON header, data end to end', () => {
  const bytes = readFileSync(file)
  const headerLength = Number(bytes.readBigUInt64LE(0))
  const { __metadata__: metadata, ...entries } = JSON.parse(bytes.subarray(8, 8 + headerLength).toString())
  expect(metadata.strategy).toBe('linear')
  expect(Object.values(metadata).every(value => typeof value === 'string')).toBe(true)
  const ends = Object.values(entries as Record<string, { data_offsets: number[] }>).map(entry => entry.data_offsets[1]!)
  expect(8 + headerLength + Math.max(...ends)).toBe(bytes.length)
  expect(entries.floats).toEqual({ dtype: 'F32', shape: [2, 2], data_offsets: expect.any(Array) })
})

test.each([0, 4, 8, 100, readFileSync(file).length - 1])('cut after %i bytes', async length => {
  const cut = folder.write('cut.safetensors', readFileSync(file).subarray(0, length))
  await expect(readCheckpoint(cut)).rejects.toThrow(DataError)
  await expect(readCheckpoint(cut)).rejects.toThrow(
    /cut\.safetensors: expected a safetensors file with .*, got \d+ bytes that do not hold it\. The file is truncated or no checkpoint; copy or train it again\./,
  )
})

test('one changed bit anywhere in data or metadata is found', async () => {
  const bytes = readFileSync(file)
  const headerLength = Number(bytes.readBigUInt64LE(0))
  for (const at of [8 + headerLength + 3, bytes.length - 1, bytes.indexOf('2026-01-01') + 3]) {
    const altered = Buffer.from(bytes)
    altered[at]! ^= 1
    await expect(readCheckpoint(folder.write('altered.safetensors', altered))).rejects.toThrow(
      'altered.safetensors: expected weights that match the sha256 in the header, got others. The file was altered; train or copy it again.',
    )
  }
})

test('a safetensors file of somebody else', async () => {
  const bytes = encodeSafetensors({ metadata: { format: 'pt' }, tensors: checkpoint.tensors })
  await expect(readCheckpoint(folder.write('foreign.safetensors', bytes))).rejects.toThrow(
    'foreign.safetensors: expected a checkpoint with format "llmroute" in its header, got "pt". Make one with llmroute train.',
  )
})

test('no safetensors file at all', async () => {
  await expect(readCheckpoint(folder.write('text', 'hello, I am a text file and long enough'))).rejects.toThrow(
    DataError,
  )
  const nothing = join(folder.path, 'nothing')
  await expect(readCheckpoint(nothing)).rejects.toThrow(
    new UsageError(
      `${nothing}: expected a checkpoint file, got ENOENT. llmroute list checkpoints shows the shipped ones.`,
    ),
  )
})

test('a place that cannot be written is said, and nothing is left behind', async () => {
  const place = join(folder.path, 'none', 'x.safetensors')
  await expect(writeCheckpoint(place, checkpoint)).rejects.toThrow(
    new UsageError(`${place}: expected a place that can be written, got ENOENT.`),
  )
})

test('writing replaces the file whole', async () => {
  const other = join(folder.path, 'other.safetensors')
  writeFileSync(other, 'old')
  expect(await writeCheckpoint(other, checkpoint)).toBe(sha256)
  expect(readFileSync(other)).toEqual(readFileSync(file))
})
