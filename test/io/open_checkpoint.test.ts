import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DataError, UsageError } from '../../src/errors.ts'
import { writeCheckpoint } from '../../src/io/checkpoint.ts'
import { importedMetadata } from '../../src/io/imported_model.ts'
import { openCheckpoint } from '../../src/io/open_checkpoint.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const TINY = 'test/fixtures/tiny_causal'
const folder = temporaryFolder()
const copy = (name: string) => {
  const path = join(folder.path, name)
  cpSync(TINY, path, { recursive: true })
  return path
}

test('an endpoint: the address with the name of the model', async () => {
  const address = 'http://localhost:8000/v1#meta-llama/Llama-3:8b'
  expect(await openCheckpoint(address)).toEqual({
    metadata: importedMetadata('causal_llm'),
    tensors: {},
    model: address,
    file: address,
    sha256: createHash('sha256').update(address).digest('hex'),
  })
})

test.each([
  [
    'http://localhost:8000/v1',
    '--checkpoint: expected the name of a model behind the address of localhost:8000, got none. Write it as http://localhost:8000/v1#MODEL.',
  ],
  ['http://', '--checkpoint: expected an address such as http://localhost:8000/v1#MODEL, got another.'],
  [
    'https://me:secret@host.test/v1#m',
    '--checkpoint: expected an address of host.test without user name, password or query, got one with. Keys are read from the environment.',
  ],
  [
    'https://host.test/v1?key=secret#m',
    '--checkpoint: expected an address of host.test without user name, password or query, got one with. Keys are read from the environment.',
  ],
])('an address that cannot be used: %s', async (address, message) => {
  await expect(openCheckpoint(address)).rejects.toThrow(new UsageError(message))
})

test('an imported folder: config.json says the strategy, the sha256 is that of its models', async () => {
  const checkpoint = await openCheckpoint(TINY)
  expect(checkpoint).toMatchObject({ metadata: { strategy: 'causal_llm', trainedOn: [] }, model: TINY, file: TINY })
  const bytes = readFileSync(join(TINY, 'onnx/model.onnx'))
  expect(checkpoint.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
})

test('a classifier is imported for bert', async () => {
  const path = copy('classifier')
  writeFileSync(join(path, 'config.json'), '{ "architectures": ["XLMRobertaForSequenceClassification"] }')
  expect((await openCheckpoint(path)).metadata.strategy).toBe('bert')
})

test.each([
  ['{ "architectures": ["BertModel"] }', 'BertModel. Export the model with its head.'],
  ['{}', 'none. Export the model with its head.'],
])('a folder whose model has no head that serves a strategy: %s', async (config, found) => {
  const path = copy('headless')
  writeFileSync(join(path, 'config.json'), config)
  await expect(openCheckpoint(path)).rejects.toThrow(
    new DataError(
      join(path, 'config.json'),
      undefined,
      `expected an architecture that ends in ForSequenceClassification or ForCausalLM, got ${found}`,
    ),
  )
})

test('folders that are not whole', async () => {
  const bare = copy('bare')
  rmSync(join(bare, 'onnx'), { recursive: true })
  await expect(openCheckpoint(bare)).rejects.toThrow(
    `${bare}: expected onnx/model.onnx or another onnx/model*.onnx, got none. Export it to ONNX.`,
  )
  writeFileSync(join(bare, 'config.json'), '{')
  await expect(openCheckpoint(bare)).rejects.toThrow(`${bare}/config.json: expected JSON, got something else.`)
  const nothing = join(folder.path, 'nothing')
  mkdirSync(nothing)
  await expect(openCheckpoint(nothing)).rejects.toThrow(
    `${nothing}/config.json: expected the configuration of a model in the Hugging Face ONNX layout, got no such file.`,
  )
  const absent = join(folder.path, 'absent')
  await expect(openCheckpoint(absent)).rejects.toThrow(`${absent}: expected a checkpoint file, got no such file.`)
})

test('a folder of ours: llmroute.safetensors says what it is, and with which model file it was made', async () => {
  const path = copy('ours')
  const modelFile = 'onnx/model.onnx'
  const bytes = readFileSync(join(path, modelFile))
  const modelSha256 = createHash('sha256').update(bytes).digest('hex')
  const metadata = { ...importedMetadata('causal_llm'), pair: { strong: 'big', weak: 'small' }, seed: 7 }
  const quantiles = { shape: [3], data: Float64Array.of(0.1, 0.5, 0.9) }
  const sha256 = await writeCheckpoint(join(path, 'llmroute.safetensors'), {
    metadata: { ...metadata, options: { modelFile, modelSha256 } },
    tensors: { win_rate_quantiles: quantiles },
  })
  expect(await openCheckpoint(path)).toEqual({
    metadata: { ...metadata, options: { modelFile, modelSha256 } },
    tensors: { win_rate_quantiles: quantiles },
    model: path,
    file: path,
    sha256,
  })
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(join(path, modelFile), bytes)
  await expect(openCheckpoint(path)).rejects.toThrow(
    `${path}/${modelFile}: expected the model that llmroute.safetensors was made with, got another. Copy or make the folder again.`,
  )
})
