import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openCausalModel } from '../../src/io/causal_model.ts'
import type { ChatMessage } from '../../src/model_types.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

// Made by checkpoints/recipes/tiny_causal; the expected logits are those of torch.
const TINY = 'test/fixtures/tiny_causal'
const LABELS = ['[[1]]', '[[2]]', '[[3]]', '[[4]]', '[[5]]']
const { questions, ...expected } = JSON.parse(readFileSync(join(TINY, 'expected.json'), 'utf8')) as {
  questions: string[]
} & Record<'chat' | 'noSystem' | 'plain' | 'digits', number[][]>
const instruction = /const INSTRUCTION = `([^`]*)`/.exec(readFileSync('src/strategies/causal_llm.ts', 'utf8'))![1]!
const messagesOf = (question: string): ChatMessage[] => [
  { role: 'system', content: instruction },
  { role: 'user', content: `[Question]\n${question}\n\nPrediction:` },
]
const folder = temporaryFolder()
const tiny = await openCausalModel(TINY)

test('logits of the labels agree with torch to 1e-4', async () => {
  expectNear(await tiny.labelLogits(questions, messagesOf, LABELS), expected.chat.flat())
})

test('a batch gives what its questions give one by one; none give none', async () => {
  const batch = await tiny.labelLogits(questions, messagesOf, LABELS)
  for (const [i, question] of questions.entries()) {
    expect(await tiny.labelLogits([question], messagesOf, LABELS)).toEqual(batch.slice(i * 5, i * 5 + 5))
  }
  expect(await tiny.labelLogits([], messagesOf, LABELS)).toEqual(new Float32Array(0))
})

test('prompts that begin otherwise than those before are read from their beginning', async () => {
  const short = (question: string): ChatMessage[] => [{ role: 'user', content: question }]
  const alone = await (await openCausalModel(TINY)).labelLogits(['hi'], short, LABELS)
  await tiny.labelLogits(['hi'], messagesOf, LABELS)
  expect(await tiny.labelLogits(['hi'], short, LABELS)).toEqual(alone)
})

test('without tokens for the labels, the brackets are put into its mouth and the digits read', async () => {
  const copy = changed('digits', {
    'tokenizer.json': tokenizer => ({
      ...tokenizer,
      added_tokens: (tokenizer.added_tokens as { content: string }[]).filter(({ content }) => !/\d/.test(content)),
    }),
  })
  expectNear(await (await openCausalModel(copy)).labelLogits(questions, messagesOf, LABELS), expected.digits.flat())
})

const withTemplate = (change: (template: string) => string | undefined) => ({
  'tokenizer_config.json': (config: Json) => ({ ...config, chat_template: change(config.chat_template as string) }),
})

test('a chat template in a file of its own', async () => {
  const copy = changed(
    'jinja',
    withTemplate(() => undefined),
  )
  const { chat_template: template } = JSON.parse(readFileSync(join(TINY, 'tokenizer_config.json'), 'utf8'))
  writeFileSync(join(copy, 'chat_template.jinja'), template)
  expectNear(await (await openCausalModel(copy)).labelLogits(questions, messagesOf, LABELS), expected.chat.flat())
})

test.each([
  ['no chat template: plain text', 'plain', () => undefined],
  [
    'a template that refuses a system: the user says it all',
    'noSystem',
    (template: string) =>
      `{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}${template}`,
  ],
  [
    "RouteLLM's template, which opens no answer: it is opened as an answer would be",
    'chat',
    (template: string) => template.slice(0, template.indexOf('{% if add_generation_prompt')),
  ],
] as const)('%s', async (_, key, change) => {
  const copy = changed(`template-${key}`, withTemplate(change))
  expectNear(await (await openCausalModel(copy)).labelLogits(questions, messagesOf, LABELS), expected[key].flat())
})

test('a question longer than the context loses its end, and the instruction stays', async () => {
  const long = 'one two three '.repeat(80_000)
  const [cut, other] = await Promise.all([
    tiny.labelLogits([long], messagesOf, LABELS),
    tiny.labelLogits([`${long}and more`], messagesOf, LABELS),
  ])
  expect(cut).toEqual(other)
  expect(cut.every(Number.isFinite)).toBe(true)
  const odd = await tiny.labelLogits(['x'.repeat(1 << 20), '😀'.repeat(1 << 18)], messagesOf, LABELS)
  expect(odd.every(Number.isFinite)).toBe(true)
})

test('labels that the tokenizer cannot tell apart', async () => {
  await expect(tiny.labelLogits(['hi'], messagesOf, ['yes', 'yes'])).rejects.toThrow(
    `${TINY}: expected a causal language model with its tokenizer in the Hugging Face ONNX layout, got a tokenizer that cannot tell yes, yes apart.`,
  )
})

test('a folder that is not whole is named', async () => {
  const empty = changed('empty', {})
  rmSync(join(empty, 'onnx'), { recursive: true })
  await expect(openCausalModel(empty)).rejects.toThrow(
    `${empty}: expected a causal language model with its tokenizer in the Hugging Face ONNX layout, got no onnx/model.onnx nor a quantised one.`,
  )
  const cut = changed('cut', {})
  writeFileSync(join(cut, 'onnx/model.onnx'), readFileSync(join(TINY, 'onnx/model.onnx')).subarray(0, 1000))
  await expect(openCausalModel(cut)).rejects.toThrow(`${cut}: expected a causal language model with its tokenizer`)
  const mute = changed('mute', {})
  rmSync(join(mute, 'tokenizer.json'))
  await expect(openCausalModel(mute)).rejects.toThrow(`${mute}: expected a causal language model with its tokenizer`)
})

type Json = Record<string, unknown>

/** A copy of the tiny model with other JSON files. */
function changed(name: string, changes: Readonly<Record<string, (content: Json) => Json>>): string {
  const path = join(folder.path, name)
  cpSync(TINY, path, { recursive: true })
  for (const [file, change] of Object.entries(changes)) {
    writeFileSync(join(path, file), JSON.stringify(change(JSON.parse(readFileSync(join(TINY, file), 'utf8')))))
  }
  return path
}

function expectNear(actual: Float32Array, wanted: readonly number[]): void {
  expect(actual).toHaveLength(wanted.length)
  const apart = Array.from(actual, (value, i) => Math.abs(value - wanted[i]!))
  expect(Math.max(...apart)).toBeLessThan(1e-4)
}
