import { readFile } from 'node:fs/promises'
import { DataError } from '../errors.ts'
import type { Pooling } from '../math/token_pooling.ts'
import { printable } from '../registry.ts'
import { unreadable } from './file_errors.ts'
import type { ModelFolder } from './model_source.ts'

/** How a sentence encoder wants its texts, and what becomes of its tokens' vectors. */
export interface SentenceSettings {
  readonly poolings: readonly Pooling[]
  /** Longest input, special tokens counted. */
  readonly maxTokens: number
  /** What stands before every text. */
  readonly prefix: string
  readonly isLowerCased: boolean
  /** Modules between the tokens' vectors and the row that are not in the ONNX file and that nobody here can run. */
  readonly missing: readonly string[]
}

type Json = Readonly<Record<string, unknown>>

/** sentence-transformers' names, without `pooling_mode_` and `_tokens`; several are put end to end in this order. */
const MODES: Readonly<Record<string, Pooling>> = {
  cls: 'cls',
  max: 'max',
  mean: 'mean',
  mean_sqrt_len: 'sqrt_mean',
  weightedmean: 'weighted',
  lasttoken: 'last',
}
const RUN_HERE = ['Transformer', 'Pooling', 'Normalize']
const LONGEST = 8192
const USUAL = 512

/**
 * Reads what sentence-transformers writes beside a model: modules.json, the pooling's config.json, sentence_bert_config.json
 * and config_sentence_transformers.json. What is not said there: mean pooling, the tokenizer's longest input, no prefix. Prompts
 * are queries: the default prompt stands before them, else the one named `query`.
 * @throws DataError where a file is no JSON or no way of pooling is known.
 */
export async function readSentenceSettings(folder: ModelFolder): Promise<SentenceSettings> {
  const modules = await readJson(folder, 'modules.json')
  const list = Array.isArray(modules) ? (modules as Json[]) : []
  const types = list.map(({ type }) => String(type).split('.').at(-1)!)
  const pooling = list[types.indexOf('Pooling')]?.path ?? '1_Pooling'
  const bert = recordOf(await readJson(folder, 'sentence_bert_config.json'))
  const { prompts, default_prompt_name: chosen } = recordOf(await readJson(folder, 'config_sentence_transformers.json'))
  const prefix = recordOf(prompts)[typeof chosen === 'string' ? chosen : 'query']
  return {
    poolings: poolingsOf(recordOf(await readJson(folder, `${pooling}/config.json`)), `${folder.path}/${pooling}`),
    maxTokens: longest(
      bert.max_seq_length,
      recordOf(await readJson(folder, 'tokenizer_config.json')).model_max_length,
      recordOf(await readJson(folder, 'config.json')),
    ),
    prefix: typeof prefix === 'string' ? prefix : '',
    isLowerCased: bert.do_lower_case === true,
    missing: types.filter(type => !RUN_HERE.includes(type)).map(printable),
  }
}

/** A file's JSON; undefined where the model has no such file. Throws DataError. */
export async function readJson(folder: ModelFolder, name: string): Promise<unknown> {
  const file = await folder.find(name)
  if (file === undefined) return undefined
  const text = await readFile(file, 'utf8').catch(error => Promise.reject(unreadable(file, error)))
  try {
    return JSON.parse(text)
  } catch {
    throw new DataError(file, undefined, 'expected JSON, got something else. Export or download it again.')
  }
}

function recordOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}

/** Earlier versions write `pooling_mode_mean_tokens: true`, later ones `pooling_mode: "mean"` or a list. */
function poolingsOf(config: Json, where: string): Pooling[] {
  const keys = Object.keys(config).filter(key => key.startsWith('pooling_mode_') && config[key] === true)
  const names = config.pooling_mode === undefined ? keys : [config.pooling_mode].flat().map(String)
  const asked = names.map(name => name.replace('pooling_mode_', '').replace(/_tokens?$/, ''))
  const unknown = asked.find(mode => !Object.hasOwn(MODES, mode))
  if (unknown !== undefined) {
    const known = Object.keys(MODES).join(', ')
    throw new DataError(where, undefined, `expected pooling modes among ${known}, got ${printable(unknown)}.`)
  }
  const found = Object.keys(MODES).filter(mode => asked.includes(mode))
  return found.length === 0 ? ['mean'] : found.map(mode => MODES[mode]!)
}

function longest(asked: unknown, tokenizer: unknown, config: Json): number {
  const { max_position_embeddings: positions, pad_token_id: padding, model_type: type } = config
  // Models of RoBERTa's kind number their positions from behind the padding's.
  const isShifted = /roberta|mpnet|camembert/.test(String(type)) && typeof padding === 'number'
  const room = typeof positions === 'number' ? positions - (isShifted ? padding + 1 : 0) : USUAL
  const limits = [asked, tokenizer].filter(limit => typeof limit === 'number' && limit > 0) as number[]
  return Math.min(limits[0] ?? room, room, LONGEST)
}
