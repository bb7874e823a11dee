import { type BertReading, createBertWords } from './bert_words.ts'

/** A WordPiece tokenizer as a model brings it along. */
export interface WordPieceRules {
  /** Piece → id. */
  readonly vocabulary: ReadonlyMap<string, number>
  readonly reading: BertReading
  /** What stands before a piece that does not begin a word: `##`. */
  readonly prefix: string
  /** A word of more characters is unknown. */
  readonly longestWord: number
  readonly unknown: number
  /** Ids before and after every text. */
  readonly first: number
  readonly last: number
  /** Texts that are one token wherever they stand, such as `[MASK]`. */
  readonly specials: ReadonlyMap<string, number>
}

/** Ids of a text with those that begin and end it; what is beyond `most` ids in all is left out. */
export type Encode = (text: string, most: number) => number[]

/** Words that are remembered with their pieces; beyond that all are forgotten. */
const MOST_REMEMBERED = 20_000

/** WordPiece (Wu et al. 2016) with BERT's reading of words: each word is cut into the longest pieces known, from the left. */
export function createWordPiece(rules: WordPieceRules): Encode {
  const { vocabulary, prefix, longestWord, unknown, first, last, specials } = rules
  const visitWords = createBertWords(rules.reading)
  const longestPiece = Array.from(vocabulary.keys()).reduce((most, piece) => Math.max(most, piece.length), 0)
  const isSpecial = specials.size > 0 ? new RegExp([...specials.keys()].map(escaped).join('|'), 'g') : undefined
  const remembered = new Map<string, readonly number[]>()
  return (text, most) => {
    const ids = [first]
    const room = Math.max(1, most - 1)
    let at = 0
    for (const { 0: special, index } of isSpecial ? text.matchAll(isSpecial) : []) {
      addWords(text.slice(at, index), ids, room)
      if (ids.length >= room) break
      ids.push(specials.get(special)!)
      at = index + special.length
    }
    if (ids.length < room) addWords(text.slice(at), ids, room)
    ids.length = Math.min(ids.length, room)
    ids.push(last)
    return ids
  }

  function addWords(text: string, ids: number[], room: number): void {
    visitWords(text, word => {
      for (const id of piecesOf(word)) ids.push(id)
      return ids.length < room
    })
  }

  function piecesOf(word: string): readonly number[] {
    if (isLong(word)) return [unknown]
    const known = remembered.get(word)
    if (known) return known
    const pieces = cut(word)
    if (remembered.size >= MOST_REMEMBERED) remembered.clear()
    remembered.set(word, pieces)
    return pieces
  }

  function isLong(word: string): boolean {
    return word.length > longestWord && (word.length > 2 * longestWord || Array.from(word).length > longestWord)
  }

  function cut(word: string): readonly number[] {
    const pieces: number[] = []
    for (let start = 0; start < word.length; ) {
      const head = start === 0 ? '' : prefix
      let end = Math.min(word.length, start + longestPiece)
      let id: number | undefined
      while (end > start) {
        id = vocabulary.get(head + word.slice(start, end))
        if (id !== undefined) break
        end--
      }
      if (id === undefined) return [unknown]
      pieces.push(id)
      start = end
    }
    return pieces
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
