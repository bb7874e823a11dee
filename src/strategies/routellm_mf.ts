import { DataError } from '../errors.ts'
import type { Checkpoint, Tensor } from '../types.ts'
import { FEATURE_VERSION } from './prompt_space.ts'

/** The models of RouteLLM's `MODEL_IDS` (routers/matrix_factorization/model.py), each at its number. */
export const ROUTELLM_MODELS: readonly string[] = [
  ...['RWKV-4-Raven-14B', 'alpaca-13b', 'chatglm-6b', 'chatglm2-6b', 'chatglm3-6b', 'claude-1', 'claude-2.0'],
  ...['claude-2.1', 'claude-instant-1', 'codellama-34b-instruct', 'deepseek-llm-67b-chat', 'dolly-v2-12b'],
  ...['dolphin-2.2.1-mistral-7b', 'falcon-180b-chat', 'fastchat-t5-3b', 'gemini-pro', 'gemini-pro-dev-api'],
  ...['gpt-3.5-turbo-0125', 'gpt-3.5-turbo-0314', 'gpt-3.5-turbo-0613', 'gpt-3.5-turbo-1106', 'gpt-4-0125-preview'],
  ...['gpt-4-0314', 'gpt-4-0613', 'gpt-4-1106-preview', 'gpt4all-13b-snoozy', 'guanaco-33b', 'koala-13b', 'llama-13b'],
  ...['llama-2-13b-chat', 'llama-2-70b-chat', 'llama-2-7b-chat', 'llama2-70b-steerlm-chat', 'mistral-7b-instruct'],
  ...['mistral-7b-instruct-v0.2', 'mistral-medium', 'mixtral-8x7b-instruct-v0.1', 'mpt-30b-chat', 'mpt-7b-chat'],
  ...['nous-hermes-2-mixtral-8x7b-dpo', 'oasst-pythia-12b', 'openchat-3.5', 'openchat-3.5-0106'],
  ...['openhermes-2.5-mistral-7b', 'palm-2', 'pplx-70b-online', 'pplx-7b-online', 'qwen-14b-chat', 'qwen1.5-4b-chat'],
  ...['qwen1.5-72b-chat', 'qwen1.5-7b-chat', 'solar-10.7b-instruct-v1.0', 'stablelm-tuned-alpha-7b'],
  ...['starling-lm-7b-alpha', 'stripedhyena-nous-7b', 'tulu-2-dpo-70b', 'vicuna-13b', 'vicuna-33b', 'vicuna-7b'],
  ...['wizardlm-13b', 'wizardlm-70b', 'yi-34b-chat', 'zephyr-7b-alpha', 'zephyr-7b-beta'],
]

const HIDDEN = 128
/** Of text-embedding-3-small. */
const DIMENSIONS = 1536
/** Its name there → ours, and its shape there. */
const TENSORS = {
  'P.weight': { name: 'P', shape: [ROUTELLM_MODELS.length, HIDDEN] },
  'text_proj.0.weight': { name: 'W', shape: [HIDDEN, DIMENSIONS] },
  'classifier.0.weight': { name: 'w', shape: [1, HIDDEN] },
} as const

/** Whether a file's tensors are named as those of RouteLLM's published `mf`; one of the names is enough, so that a missing one can be said. */
export function isRouteLlmMf(tensors: Readonly<Record<string, Tensor>>): boolean {
  return Object.keys(TENSORS).some(name => Object.hasOwn(tensors, name))
}

/**
 * RouteLLM's published `mf` weights (`model.safetensors` of routellm/mf_gpt4_augmented) as a checkpoint of ours: win rates
 * for any two of its 64 models, without a bias, on text-embedding-3-small; no qualities, no quantiles, no training prompts.
 * @throws DataError naming the tensor that is missing or of another type or shape.
 */
export function importRouteLlmMf(tensors: Readonly<Record<string, Tensor>>, file: string): Checkpoint {
  const imported = Object.entries(TENSORS).map(([theirs, { name, shape }]): [string, Tensor] => {
    const tensor = Object.hasOwn(tensors, theirs) ? tensors[theirs]! : undefined
    const isFitting = tensor?.data instanceof Float32Array && String(tensor.shape) === String(shape)
    if (!isFitting) {
      const got = tensor ? `${tensor.data.constructor.name} [${tensor.shape.join(', ')}]` : 'none'
      throw new DataError(
        file,
        undefined,
        `expected a tensor ${theirs} of Float32Array [${shape.join(', ')}], as RouteLLM publishes its mf, got ${got}. Download routellm/mf_gpt4_augmented again.`,
      )
    }
    return [name, { shape: name === 'w' ? [HIDDEN] : shape, data: tensor.data }]
  })
  const stray = Object.keys(tensors).find(name => !Object.hasOwn(TENSORS, name))
  if (stray !== undefined) {
    const names = Object.keys(TENSORS).join(', ')
    throw new DataError(file, undefined, `expected no tensors but ${names}, as RouteLLM publishes its mf, got others.`)
  }
  return {
    metadata: {
      strategy: 'mf',
      embedder: { id: 'openai:text-embedding-3-small', dimensions: DIMENSIONS },
      models: ROUTELLM_MODELS,
      pair: { strong: 'gpt-4-1106-preview', weak: 'mixtral-8x7b-instruct-v0.1' },
      featureVersion: FEATURE_VERSION,
      trainedOn: [],
      date: '',
      seed: 0,
      options: {},
    },
    tensors: Object.fromEntries(imported),
  }
}
