import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { DataError } from '../errors.ts'
import type { CausalModel, ChatMessage } from '../model_types.ts'
import { loadTransformers, type Transformers } from './transformers.ts'

/** Quantisations by their files' ends, the one that keeps most for its size first: those of weights before those of activations. */
const VARIANTS = { _q4: 'q4', '': 'fp32', _fp16: 'fp16', _q4f16: 'q4f16', _quantized: 'q8', _int8: 'int8' } as const
/** Longer prompts cost minutes and gigabytes on a processor, and say no more about how hard they are. */
const MOST_TOKENS = 2048
/** A token is hardly longer: what is beyond needs no splitting into tokens to be cut off. */
const CHARACTERS_PER_TOKEN = 8

type Tokenizer = Awaited<ReturnType<Transformers['AutoTokenizer']['from_pretrained']>>
type Model = Awaited<ReturnType<Transformers['AutoModelForCausalLM']['from_pretrained']>>
type Tensor = InstanceType<Transformers['Tensor']>

/** What all prompts begin with, and the keys and values that the model made of it. */
interface Start {
  readonly tokens: readonly number[]
  readonly past: Record<string, Tensor>
}

/**
 * Opens a causal language model in the Hugging Face ONNX layout, through transformers.js. What all prompts begin with runs once
 * where the model takes past keys and values; the rest runs prompt by prompt, since a processor gains nothing from more of them
 * at a time (0.69 and 0.66 s for 100 tokens of SmolLM2 alone and by four) and exports differ in how they take padding.
 * @throws UsageError where transformers.js is absent; DataError where the folder is not whole.
 */
export async function openCausalModel(folder: string): Promise<CausalModel> {
  const transformers = await loadTransformers()
  const { tokenizer, model } = await load(folder, transformers)
  const { Tensor, DynamicCache } = transformers
  const session = model.sessions.model as { inputNames: readonly string[] }
  const hasPast = session.inputNames.some(name => name.startsWith('past_key_values'))
  const most = Math.min(MOST_TOKENS, contextOf(model))
  let start: Start | undefined

  return {
    async labelLogits(questions, messagesOf, labels) {
      const { opening, candidates } = labelTokens(tokenizer, labels, folder)
      const encode = (question: string) => [...promptTokens(tokenizer, messagesOf(question)), ...opening]
      const logits = new Float32Array(questions.length * labels.length)
      if (hasPast && questions.length > 0) await keepStart(commonStart(encode('a'), encode('?')))
      for (const [i, question] of questions.entries()) {
        const all = await run(fitted(question, encode))
        logits.set(
          candidates.map(token => all[token]!),
          i * labels.length,
        )
      }
      return logits
    },
  }

  /** Logits of every token of the vocabulary, after the last of `tokens`. */
  async function run(tokens: readonly number[]): Promise<Float32Array> {
    const kept = start && isStart(start.tokens, tokens) ? start : undefined
    const { logits } = await model(inputsOf(tokens.slice(kept?.tokens.length ?? 0), kept))
    const [, length, width] = logits.dims as [number, number, number]
    return logits.to('float32').data.subarray((length - 1) * width, length * width)
  }

  async function keepStart(tokens: readonly number[]): Promise<void> {
    if (start?.tokens.join() === tokens.join()) return
    const outputs = (await model(inputsOf(tokens))) as Record<string, Tensor>
    const present = Object.entries(outputs).filter(([name]) => name.startsWith('present'))
    const past = present.map(([name, tensor]) => [name.replace('present', 'past_key_values'), tensor])
    start = { tokens, past: Object.fromEntries(past) }
  }

  function inputsOf(tokens: readonly number[], before?: Start) {
    const pastLength = before?.tokens.length ?? 0
    const row = (values: readonly number[]) =>
      new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])
    return {
      input_ids: row(tokens),
      attention_mask: row(new Array<number>(pastLength + tokens.length).fill(1)),
      position_ids: row(tokens.map((_, k) => pastLength + k)),
      num_logits_to_keep: new Tensor('int64', [1n], []),
      ...(before ? { past_key_values: new DynamicCache(before.past) } : {}),
    }
  }

  /** The tokens of a prompt, its question cut at the end until they fit. */
  function fitted(question: string, encode: (question: string) => readonly number[]): readonly number[] {
    let kept = question.slice(0, most * CHARACTERS_PER_TOKEN)
    for (;;) {
      const tokens = encode(kept)
      if (tokens.length <= most || kept === '') return tokens
      kept = kept.slice(0, Math.min(kept.length - 1, Math.floor((kept.length * most) / tokens.length)))
    }
  }
}

async function load(folder: string, { AutoTokenizer, AutoModelForCausalLM }: Transformers) {
  const path = resolve(folder)
  const variant = Object.entries(VARIANTS).find(([end]) => existsSync(join(path, 'onnx', `model${end}.onnx`)))
  if (!variant) throw broken(folder, 'no onnx/model.onnx nor a quantised one')
  const threads = isMainThread ? {} : { intraOpNumThreads: 1, interOpNumThreads: 1 }
  const [end, dtype] = variant
  try {
    const [tokenizer, model] = await Promise.all([
      AutoTokenizer.from_pretrained(path, { local_files_only: true }),
      AutoModelForCausalLM.from_pretrained(path, {
        dtype,
        device: 'cpu',
        local_files_only: true,
        use_external_data_format: existsSync(join(path, 'onnx', `model${end}.onnx_data`)),
        session_options: { logSeverityLevel: 3, ...threads },
      }),
    ])
    // Newer folders keep the template in a file of its own, which transformers.js does not read.
    const template = join(path, 'chat_template.jinja')
    if (!tokenizer.chat_template && existsSync(template)) tokenizer.chat_template = readFileSync(template, 'utf8')
    return { tokenizer, model }
  } catch (error) {
    throw broken(
      folder,
      `what transformers.js refuses: ${String((error as Error).message)
        .split('\n')[0]!
        .slice(0, 200)}`,
    )
  }
}

function broken(folder: string, found: string): DataError {
  const expected = 'expected a causal language model with its tokenizer in the Hugging Face ONNX layout'
  return new DataError(folder, undefined, `${expected}, got ${found}.`)
}

function contextOf({ config }: Model): number {
  const { max_position_embeddings, n_positions } = config as { max_position_embeddings?: number; n_positions?: number }
  return max_position_embeddings ?? n_positions ?? MOST_TOKENS
}

/**
 * Where the labels begin to differ: the tokens they have in common before, and the one of each there. RouteLLM's Llama has one
 * token a label; elsewhere `[[3]]` is `[[`, `3`, `]]` or the like.
 */
function labelTokens(tokenizer: Tokenizer, labels: readonly string[], folder: string) {
  const tokens = labels.map(label => tokenizer.encode(label, { add_special_tokens: false }))
  const opening = tokens.reduce(commonStart)
  const candidates = tokens.map(label => label[opening.length])
  if (candidates.every(token => token !== undefined) && new Set(candidates).size === labels.length) {
    return { opening, candidates }
  }
  throw broken(folder, `a tokenizer that cannot tell ${labels.join(', ')} apart`)
}

/** Whether `tokens` begin so and go on. */
function isStart(start: readonly number[], tokens: readonly number[]): boolean {
  return tokens.length > start.length && start.every((token, k) => token === tokens[k])
}

function commonStart(one: number[], other: number[]): number[] {
  const end = one.findIndex((token, k) => token !== other[k])
  return end < 0 ? one : one.slice(0, end)
}

/** The tokens of a conversation, up to where the model speaks. */
function promptTokens(tokenizer: Tokenizer, messages: readonly ChatMessage[]): number[] {
  const text = tokenizer.chat_template ? templated(tokenizer, messages) : plain(messages)
  // Many templates write the token that texts begin with, which the tokenizer would write again.
  const { bos_token: start } = tokenizer
  return tokenizer.encode(text, { add_special_tokens: !(start && text.startsWith(start)) })
}

function plain(messages: readonly ChatMessage[]): string {
  return `${messages.map(({ content }) => content).join('\n\n')}\n`
}

const ANSWER = '\u0001answer\u0001'

function templated(tokenizer: Tokenizer, messages: readonly ChatMessage[]): string {
  const render = (conversation: readonly { role: string; content: string }[], opens: boolean) =>
    tokenizer.apply_chat_template([...conversation], { tokenize: false, add_generation_prompt: opens }) as string
  let conversation = messages
  let text: string
  try {
    text = render(conversation, true)
  } catch {
    // Some templates know no system.
    conversation = [{ role: 'user', content: plain(messages).trimEnd() }]
    text = render(conversation, true)
  }
  if (text !== render(conversation, false)) return text
  // RouteLLM's template leaves the head of the answer to the model; it is what stands before an answer.
  const answered = render([...conversation, { role: 'assistant', content: ANSWER }], false)
  return answered.includes(ANSWER) ? answered.slice(0, answered.indexOf(ANSWER)) : text
}
