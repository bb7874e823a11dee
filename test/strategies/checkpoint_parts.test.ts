import { expect, test } from 'vitest'
import { DataError, UsageError } from '../../src/errors.ts'
import { checkOrigin, modelIndex, numberOption, pairIndexes, tensorOf } from '../../src/strategies/checkpoint_parts.ts'
import { readStrings, stringTensors } from '../../src/strategies/strings_tensor.ts'
import type { Checkpoint } from '../../src/types.ts'

const checkpoint: Checkpoint = {
  metadata: {
    strategy: 'mf',
    embedder: { id: 'hashing', dimensions: 256 },
    models: ['small', 'large', 'other'],
    pair: { strong: 'large', weak: 'small' },
    featureVersion: 2,
    trainedOn: [],
    date: '',
    seed: 0,
    options: { k: 3, name: 'x', many: [1] },
  },
  tensors: { w: { shape: [2, 3], data: new Float32Array(6) }, cut: { shape: [2, 3], data: new Float32Array(5) } },
}

test('a tensor of the type and shape that was expected', () => {
  expect(tensorOf(checkpoint, 'w', Float32Array, [2, 3])).toBe(checkpoint.tensors.w!.data)
  expect(tensorOf(checkpoint, 'w', Float32Array, [undefined, 3])).toHaveLength(6)
})

test.each([
  ['w', Float32Array, [3, 2], 'expected a tensor w of Float32Array [3, 2], got Float32Array [2, 3].'],
  ['w', Float32Array, [6], 'expected a tensor w of Float32Array [6], got Float32Array [2, 3].'],
  ['w', Int8Array, [2, undefined], 'expected a tensor w of Int8Array [2, any], got Float32Array [2, 3].'],
  ['cut', Float32Array, [2, 3], 'expected a tensor cut'],
  ['constructor', Float32Array, [2, 3], 'expected a tensor constructor of Float32Array [2, 3], got none.'],
] as const)('another tensor: %s', (name, type, shape, message) => {
  expect(() => tensorOf<Float32Array | Int8Array>(checkpoint, name, type, shape)).toThrow(DataError)
  expect(() => tensorOf<Float32Array | Int8Array>(checkpoint, name, type, shape)).toThrow(`mf: ${message}`)
})

test('options are numbers or an error', () => {
  expect(numberOption(checkpoint, 'k')).toBe(3)
  for (const name of ['name', 'many', 'none', 'toString'])
    expect(() => numberOption(checkpoint, name)).toThrow(DataError)
})

test('strategy, feature version and embedder must be those the weights were fitted with', () => {
  const hashing = { id: 'hashing', dimensions: 256 }
  expect(() => checkOrigin(checkpoint, 'mf', 2, hashing)).not.toThrow()
  expect(() => checkOrigin(checkpoint, 'knn', 2, hashing)).toThrow('knn: expected a checkpoint of knn, got one of mf.')
  expect(() => checkOrigin(checkpoint, 'mf', 3, hashing)).toThrow('mf: expected feature version 3, got 2.')
  expect(() => checkOrigin(checkpoint, 'mf', 2, { id: 'openai:a', dimensions: 1536 })).toThrow(
    'mf: expected a checkpoint fitted on the embedder openai:a (1536 dimensions), got one fitted on hashing (256 dimensions). Use that embedder, or train again.',
  )
})

test('the pair asked for where both are known, else the checkpoint’s', () => {
  expect(pairIndexes(checkpoint, undefined)).toEqual({ strong: 1, weak: 0 })
  expect(pairIndexes(checkpoint, { strong: 'other', weak: 'large' })).toEqual({ strong: 2, weak: 1 })
  expect(pairIndexes(checkpoint, { strong: 'other', weak: 'unheard of' })).toEqual({ strong: 1, weak: 0 })
})

test('an unknown model is the caller’s move', () => {
  expect(modelIndex(checkpoint, 'large')).toBe(1)
  expect(() => modelIndex(checkpoint, 'larg')).toThrow(UsageError)
  expect(() => modelIndex(checkpoint, 'larg')).toThrow('Did you mean "large"?')
})

test('strings come back one by one, whatever they hold', () => {
  const strings = ['', 'plain', '証明', '😀\n', '']
  const tensors = stringTensors('ids', strings)
  const read = readStrings({ ...checkpoint, tensors }, 'ids', 5)
  expect(strings.map((_, i) => read(i))).toEqual(strings)
  expect(() => readStrings({ ...checkpoint, tensors }, 'ids', 6)).toThrow(DataError)
})
