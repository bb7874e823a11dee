import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createWordPiece } from '../text/wordpiece.ts'
import { unreadable } from './file_errors.ts'
import { misfit } from './token_runs.ts'

/** Texts to token ids. */
export interface WordPieceTokens {
  /** Stands where a shorter text is filled up. */
  readonly padding: number
  /** Ids with those that begin and end a text, as many as the model takes at most. */
  encode(text: string): number[]
}

type Json = Readonly<Record<string, unknown>>

const PREFIX = '##'
const LONGEST_WORD = 100

/**
 * The WordPiece tokenizer of a model: tokenizer.json, else vocab.txt and tokenizer_config.json.
 * @param most tokens a text, where the model takes no fewer.
 * @returns undefined where tokenizer.json holds one of another kind.
 * @throws DataError where there is neither file, or one that lacks what it has to hold.
 */
export async function readWordPiece(folder: string, most: number): Promise<WordPieceTokens | undefined> {
  const settings = readJson(join(folder, 'tokenizer_config.json')) ?? {}
  const config = readJson(join(folder, 'config.json')) ?? {}
  const limits = [settings.model_max_length, config.max_position_embeddings].filter(isNumber)
  const room = Math.min(most, ...limits)
  const file = join(folder, 'tokenizer.json')
  const whole = readJson(file)
  if (whole === undefined) return fromVocabulary(join(folder, 'vocab.txt'), settings, room)
  const { model, normalizer, pre_tokenizer: before, added_tokens: added } = whole
  const { type, vocab, unk_token: unknown, continuing_subword_prefix: prefix } = recordOf(model)
  const reading = recordOf(normalizer)
  if (type !== 'WordPiece' || reading.type !== 'BertNormalizer' || recordOf(before).type !== 'BertPreTokenizer') return
  const vocabulary = new Map(
    Object.entries(recordOf(vocab)).filter((entry): entry is [string, number] => isNumber(entry[1])),
  )
  const specials = (Array.isArray(added) ? (added as Json[]) : []).map(({ content }) => String(content))
  const lowercase = reading.lowercase === true
  return tokensOf(file, vocabulary, specials, room, {
    lowercase,
    stripAccents: typeof reading.strip_accents === 'boolean' ? reading.strip_accents : lowercase,
    cleanText: reading.clean_text === true,
    separateIdeographs: reading.handle_chinese_chars === true,
    unknown: typeof unknown === 'string' ? unknown : '[UNK]',
    prefix: typeof prefix === 'string' ? prefix : PREFIX,
  })
}

interface Reading {
  readonly lowercase: boolean
  readonly stripAccents: boolean
  readonly cleanText: boolean
  readonly separateIdeographs: boolean
  readonly unknown: string
  readonly prefix: string
}

function fromVocabulary(file: string, settings: Json, room: number): WordPieceTokens {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw unreadable(file, error, 'the vocabulary of a tokenizer, or tokenizer.json beside it')
  }
  const vocabulary = new Map(
    text
      .trimEnd()
      .split(/\r?\n/)
      .map((piece, id) => [piece, id]),
  )
  const lowercase = settings.do_lower_case !== false
  return tokensOf(file, vocabulary, ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'], room, {
    lowercase,
    stripAccents: typeof settings.strip_accents === 'boolean' ? settings.strip_accents : lowercase,
    cleanText: true,
    separateIdeographs: settings.tokenize_chinese_chars !== false,
    unknown: '[UNK]',
    prefix: PREFIX,
  })
}

function tokensOf(
  file: string,
  vocabulary: ReadonlyMap<string, number>,
  specials: readonly string[],
  room: number,
  { unknown, prefix, ...reading }: Reading,
): WordPieceTokens {
  const idOf = (piece: string) => {
    const id = vocabulary.get(piece)
    if (id === undefined) throw misfit(file, `a vocabulary with ${piece}`, 'one without')
    return id
  }
  const encode = createWordPiece({
    ...{ vocabulary, reading, prefix, longestWord: LONGEST_WORD, unknown: idOf(unknown) },
    ...{ first: idOf('[CLS]'), last: idOf('[SEP]') },
    specials: new Map(specials.filter(text => vocabulary.has(text)).map(text => [text, idOf(text)])),
  })
  return { padding: vocabulary.get('[PAD]') ?? 0, encode: text => encode(text, room) }
}

function readJson(file: string): Json | undefined {
  if (!existsSync(file)) return undefined
  try {
    return recordOf(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    if (error instanceof SyntaxError) throw misfit(file, 'JSON', 'something else')
    throw unreadable(file, error)
  }
}

function recordOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
