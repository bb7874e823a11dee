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

const MODES: Readonly<Record<string, Pooling>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'sqrt_mean',
  pooling_mode_weightedmean_tokens: 'weighted',
  pooling_mode_lasttoken: 'last',
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

function poolingsOf(config: Json, where: string): Pooling[] {
  const { pooling_mode: named } = config
  const modes = Object.keys(config).filter(key => /^pooling_mode_/.test(key) && config[key] === true)
  const asked = named === undefined ? modes : [named].flat().map(mode => modeOf(String(mode)))
  const unknown = asked.find(mode => !Object.hasOwn(MODES, mode))
  if (unknown !== undefined) {
    const known = Object.keys(MODES).join(', ')
    throw new DataError(where, undefined, `expected pooling modes among ${known}, got ${printable(unknown)}.`)
  }
  return asked.length === 0 ? ['mean'] : asked.map(mode => MODES[mode]!)
}

/** `mean` and the like, as later versions write it, in the older words. */
function modeOf(name: string): string {
  return Object.keys(MODES).find(mode => MODES[mode] === name || mode === `pooling_mode_${name}`) ?? name
}

function longest(asked: unknown, tokenizer: unknown, config: Json): number {
  const { max_position_embeddings: positions, pad_token_id: padding, model_type: type } = config
  // Models of RoBERTa's kind number their positions from behind the padding's.
  const isShifted = /roberta|mpnet|camembert/.test(String(type)) && typeof padding === 'number'
  const room = typeof positions === 'number' ? positions - (isShifted ? padding + 1 : 0) : USUAL
  const limits = [asked, tokenizer].filter(limit => typeof limit === 'number' && limit > 0) as number[]
  return Math.min(limits[0] ?? room, room, LONGEST)
}
