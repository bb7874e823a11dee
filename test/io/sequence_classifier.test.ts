import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openSequenceClassifier } from '../../src/io/sequence_classifier.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

// Made by checkpoints/recipes/bert/tiny.py; the expected logits are those of torch.
const BERT = 'test/fixtures/tiny_bert'
const ROBERTA = 'test/fixtures/tiny_xlm_roberta'
const folder = temporaryFolder()
const bert = await openSequenceClassifier(BERT)
const texts = casesOf(BERT).map(({ text }) => text)

test.each([BERT, ROBERTA])('%s: logits agree with torch to 1e-4', async source => {
  const model = await openSequenceClassifier(source)
  // White space at the ends is left out before other tokenizers than WordPiece see it; the tiny one would keep it.
  const cases = casesOf(source).filter(({ text }) => source === BERT || text.trim() === text)
  expect(cases.length).toBeGreaterThan(10)
  expectNear(
    await model.logits(cases.map(({ text }) => text)),
    cases.flatMap(({ logits }) => logits),
  )
})

test('labels as config.json has them, in the order of their numbers', async () => {
  expect(bert.labels).toEqual(['strong', 'tie', 'weak'])
  expect((await openSequenceClassifier(ROBERTA)).labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2'])
})

test('a batch gives what its texts give one by one, in any order; none give none', async () => {
  const many = Array.from({ length: 200 }, (_, i) => `${texts[i % texts.length]} ${'x y'.repeat(i % 7)}`)
  const batch = await bert.logits(many)
  for (const i of [0, 1, 17, 99, 199]) expectNear(await bert.logits([many[i]!]), [...batch.slice(i * 3, i * 3 + 3)])
  const reversed = await bert.logits(many.toReversed())
  for (const i of [0, 50, 199])
    expectNear(reversed.slice((199 - i) * 3, (199 - i) * 3 + 3), [...batch.slice(i * 3, i * 3 + 3)])
  expect(await bert.logits([])).toEqual(new Float32Array(0))
})

test('the end of a text that is too long does not count', async () => {
  const long = 'the root of two is '.repeat(20)
  expect(await bert.logits([`${long} weather ${'?'.repeat(1 << 20)}`])).toEqual(await bert.logits([`${long} today`]))
})

test('vocab.txt and tokenizer_config.json do where there is no tokenizer.json', async () => {
  const { model } = JSON.parse(readFileSync(join(BERT, 'tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number> }
  }
  const copy = changed(BERT, 'vocabulary', {
    'vocab.txt': Object.keys(model.vocab)
      .sort((a, b) => model.vocab[a]! - model.vocab[b]!)
      .join('\n'),
    'tokenizer.json': undefined,
  })
  expect(await (await openSequenceClassifier(copy)).logits(texts)).toEqual(await bert.logits(texts))
})

test('the model may lie beside its configuration', async () => {
  const copy = changed(BERT, 'beside', {})
  cpSync(join(copy, 'onnx', 'model.onnx'), join(copy, 'model_quantized.onnx'))
  rmSync(join(copy, 'onnx'), { recursive: true })
  expect(await (await openSequenceClassifier(copy)).logits(texts)).toEqual(await bert.logits(texts))
})

describe('a folder that is not whole', () => {
  test.each([
    [
      'no configuration',
      { 'config.json': undefined },
      '/config.json: expected the configuration of a model in the Hugging Face ONNX layout, got no such file.',
    ],
    [
      'a broken configuration',
      { 'config.json': '{' },
      '/config.json: expected JSON, got something else. Export the model anew.',
    ],
    ['no model', { onnx: undefined }, ': expected onnx/model.onnx or a quantised one, got none. Export it to ONNX.'],
    [
      'no tokenizer',
      { 'tokenizer.json': undefined },
      '/vocab.txt: expected the vocabulary of a tokenizer, or tokenizer.json beside it, got no such file.',
    ],
    [
      'a broken tokenizer',
      { 'tokenizer.json': '[' },
      '/tokenizer.json: expected JSON, got something else. Export the model anew.',
    ],
    [
      'a vocabulary without its signs',
      { 'tokenizer.json': undefined, 'vocab.txt': 'a\nb' },
      '/vocab.txt: expected a vocabulary with [UNK], got one without. Export the model anew.',
    ],
  ])('%s', async (name, files, message) => {
    const copy = changed(BERT, name.replaceAll(' ', '_'), files)
    await expect(openSequenceClassifier(copy)).rejects.toMatchObject({ name: 'DataError', message: copy + message })
  })

  test('half a model', async () => {
    const model = readFileSync(join(BERT, 'onnx/model.onnx'))
    const copy = changed(BERT, 'half', { 'onnx/model.onnx': model.subarray(0, model.length / 2) })
    await expect(openSequenceClassifier(copy)).rejects.toThrow(
      `${copy}/onnx/model.onnx: expected a whole ONNX model, got what ONNX Runtime refuses:`,
    )
  })

  test('other labels than the model has', async () => {
    const copy = changed(BERT, 'labels', { 'config.json': '{"num_labels": 5}' })
    const model = await openSequenceClassifier(copy)
    expect(model.labels).toHaveLength(5)
    await expect(model.logits(['a'])).rejects.toThrow(
      `${copy}/onnx/model.onnx: expected 5 logits a text, as config.json has labels, got shape 1 × 3. Export the model anew.`,
    )
  })

  test('a model that does not take the ids of its tokenizer', async () => {
    const copy = changed(BERT, 'ids', {
      'tokenizer.json': undefined,
      'vocab.txt': ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...Array.from({ length: 500 }, (_, i) => `w${i}`)].join('\n'),
    })
    await expect((await openSequenceClassifier(copy)).logits(['w499'])).rejects.toThrow(
      `${copy}/onnx/model.onnx: expected a model that runs on 1 texts, got`,
    )
  })
})

function casesOf(source: string) {
  return JSON.parse(readFileSync(join(source, 'expected.json'), 'utf8')) as { text: string; logits: number[] }[]
}

/** A copy of a folder with other files; undefined where one is to be missing. */
function changed(
  source: string,
  name: string,
  files: Readonly<Record<string, string | Uint8Array | undefined>>,
): string {
  const copy = join(folder.path, name)
  cpSync(source, copy, { recursive: true })
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    if (content === undefined) rmSync(join(copy, file), { recursive: true })
    else writeFileSync(join(copy, file), content)
  }
  return copy
}

function expectNear(actual: Float32Array, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length)
  expect(Math.max(0, ...expected.map((value, i) => Math.abs(value - actual[i]!)))).toBeLessThan(1e-4)
}
