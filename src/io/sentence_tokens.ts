import { DataError } from '../errors.ts'
import type { ModelFolder } from './model_source.ts'
import type { SentenceSettings } from './sentence_settings.ts'
import { loadTransformers } from './transformers.ts'

/** Texts to token ids. */
export interface SentenceTokens {
  /** Stands where a shorter text is filled up. */
  readonly padding: number
  /** Ids with the model's special tokens, `maxTokens` at most: what is too long loses its end, but not the last special token. */
  encode(text: string): number[]
}

/** Characters a token that are looked at first, and at most: tokenizers take long for a megabyte, and nobody reads its end. */
const USUAL_SPAN = 16
const LONGEST_SPAN = 64

/** The tokenizer of a model (tokenizer.json, tokenizer_config.json). Throws DataError where a file is absent or not one. */
export async function openSentenceTokens(
  folder: ModelFolder,
  { maxTokens, prefix, isLowerCased }: SentenceSettings,
): Promise<SentenceTokens> {
  const { AutoTokenizer } = await loadTransformers()
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    if ((await folder.find(name)) !== undefined) continue
    throw new DataError(folder.path, undefined, `expected ${name}, got none. Save the model's tokenizer there.`)
  }
  const tokenizer = await AutoTokenizer.from_pretrained(folder.path, { local_files_only: true }).catch(
    (error: Error) => {
      const [reason] = error.message.split('\n')
      throw new DataError(
        `${folder.path}/tokenizer.json`,
        undefined,
        `expected a tokenizer, got one that fails: ${reason}.`,
      )
    },
  )
  const plain = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
  const { before, after } = specialTokens(tokenizer.encode('a'), plain('a'))
  const room = Math.max(1, maxTokens - before.length - after.length)

  function body(text: string): number[] {
    for (let span = USUAL_SPAN; ; span *= 2) {
      const ids = plain(text.slice(0, span * room))
      // The cut may fall into a word, whose tokens are then others: twice the room keeps it out of sight.
      if (span * room >= text.length || ids.length >= 2 * room || span >= LONGEST_SPAN) return ids.slice(0, room)
    }
  }

  return {
    padding: tokenizer.pad_token_id ?? 0,
    encode(text) {
      const whole = prefix + text.trim()
      return [...before, ...body(isLowerCased ? whole.toLowerCase() : whole), ...after]
    },
  }
}

/** What the tokenizer puts before and after the ids of a text. */
function specialTokens(all: readonly number[], inner: readonly number[]): { before: number[]; after: number[] } {
  const start = all.findIndex((_, place) => inner.every((id, i) => all[place + i] === id))
  return { before: all.slice(0, start), after: all.slice(start + inner.length) }
}
