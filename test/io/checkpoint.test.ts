import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DataError } from '../../src/errors.ts'
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
    new DataError(
      nothing,
      undefined,
      `expected a checkpoint file, got no such file. llmroute list checkpoints shows the shipped ones.`,
    ),
  )
})

test('a place that cannot be written is said, and nothing is left behind', async () => {
  const place = join(folder.path, 'none', 'x.safetensors')
  await expect(writeCheckpoint(place, checkpoint)).rejects.toThrow(
    new DataError(place, undefined, `expected a place that can be written, got no such directory.`),
  )
})

test('writing replaces the file whole', async () => {
  const other = join(folder.path, 'other.safetensors')
  writeFileSync(other, 'old')
  expect(await writeCheckpoint(other, checkpoint)).toBe(sha256)
  expect(readFileSync(other)).toEqual(readFileSync(file))
})

/** A safetensors file with this text or value as its header. */
function withHeader(header: unknown, data = Buffer.alloc(8)): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, data])
}

const entry = { dtype: 'F64', shape: [1], data_offsets: [0, 8] }

test.each([
  ['a list', [], 'expected a safetensors file with a JSON header'],
  ['an entry that is null', { a: null }, 'tensor a: expected dtype F64,'],
  ['a dtype of another kind', { a: { ...entry, dtype: { toString: 1 } } }, 'tensor a: expected dtype F64,'],
  ['an inherited name as dtype', { a: { ...entry, dtype: 'constructor' } }, 'tensor a: expected dtype F64,'],
  ['no shape', { a: { ...entry, shape: undefined } }, 'tensor a: expected a shape of whole numbers'],
  ['a shape with text', { a: { ...entry, shape: ['1'] } }, 'tensor a: expected a shape of whole numbers'],
  ['a negative shape', { a: { ...entry, shape: [-1, -1] } }, 'tensor a: expected a shape of whole numbers'],
  ['a huge shape', { a: { ...entry, shape: [1e300] } }, 'tensor a: expected a shape of whole numbers'],
  ['a shape of huge product', { a: { ...entry, shape: Array(40).fill(1e12) } }, 'tensor a whole'],
  ['no place', { a: { ...entry, data_offsets: null } }, 'tensor a: expected data_offsets of two whole numbers'],
  ['a place before the data', { a: { ...entry, data_offsets: [-8, 0] } }, 'tensor a: expected data_offsets'],
  ['a place behind the data', { a: { ...entry, data_offsets: [8, 16] } }, 'expected a safetensors file with'],
  ['metadata that is null', { __metadata__: null, a: entry }, 'expected texts as metadata in the header'],
  ['metadata with a number', { __metadata__: { format: 1 }, a: entry }, 'expected texts as metadata in the header'],
  [
    'a tensor named __proto__',
    '{"__proto__":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}',
    'with format "llmroute"',
  ],
])('a header with %s is refused with the name of the file', async (_, header, message) => {
  const failure = readCheckpoint(folder.write('odd.safetensors', withHeader(header)))
  await expect(failure).rejects.toThrow(DataError)
  await expect(failure).rejects.toThrow(message)
  await expect(failure).rejects.toThrow(/odd\.safetensors: /)
})

test.each([
  ['trainedOn', 'no JSON'],
  ['trainedOn', '[null]'],
  ['trainedOn', '[{"name":"x","rows":"2","sha256":""}]'],
  ['trainedOn', '[{"name":"x","rows":2,"sha256":"","apgr":7}]'],
  ['models', '{}'],
  ['models', '[1]'],
  ['pair', '{"strong":"a"}'],
  ['pair', 'null'],
  ['embedder', '[]'],
  ['featureVersion', '"1"'],
  ['seed', ''],
  ['options', '{"k":null}'],
])('metadata with %s %s is refused, the digest being right', async (key, text) => {
  const file = join(folder.path, 'metadata.safetensors')
  // Texts are written as they stand.
  await writeCheckpoint(file, { ...checkpoint, metadata: { ...checkpoint.metadata, [key]: text } })
  await expect(readCheckpoint(file)).rejects.toThrow(
    new DataError(file, undefined, `expected ${key} in the header as llmroute train writes it, got another.`),
  )
})

test('whatever the header holds, it is read or refused with a DataError', async () => {
  const whole = readFileSync(file)
  const headerEnd = 8 + Number(whole.readBigUInt64LE(0))
  const place = join(folder.path, 'fuzzed.safetensors')
  const attempt = async (bytes: Uint8Array) => {
    writeFileSync(place, bytes)
    const thrown = await readCheckpoint(place).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (thrown !== undefined) expect(thrown).toBeInstanceOf(DataError)
  }
  const byte = fc.oneof(fc.constantFrom(...Buffer.from('0123456789-{}[]",:nulle.')), fc.nat(255))
  const changes = fc.array(fc.tuple(fc.nat(headerEnd - 1), byte), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(changes, async made => {
      const bytes = Buffer.from(whole)
      for (const [at, value] of made) bytes[at] = value
      await attempt(bytes)
    }),
    { numRuns: 500 },
  )
  const odd = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 1e300, [8, 0], [0, 8], 'F64', 'llmroute'))
  const oddEntry = fc.oneof(
    odd,
    fc.record({ dtype: odd, shape: odd, data_offsets: odd }, { requiredKeys: [] }),
    fc.record({ dtype: fc.constant('F64'), shape: fc.array(odd), data_offsets: fc.array(odd, { maxLength: 3 }) }),
  )
  const header = fc.dictionary(fc.oneof(fc.constantFrom('__metadata__', '__proto__', 'a'), fc.string()), oddEntry)
  await fc.assert(
    fc.asyncProperty(header, async value => attempt(withHeader(value))),
    { numRuns: 500 },
  )
  const key = fc.constantFrom(
    'trainedOn',
    'models',
    'pair',
    'embedder',
    'featureVersion',
    'seed',
    'options',
    'strategy',
  )
  await fc.assert(
    fc.asyncProperty(key, fc.oneof(fc.json(), fc.string()), async (name, text) => {
      await writeCheckpoint(place, { ...checkpoint, metadata: { ...checkpoint.metadata, [name]: text } })
      await attempt(readFileSync(place))
    }),
    { numRuns: 200 },
  )
})
