import { DataError } from '../errors.ts'
import type { TensorFile } from '../types.ts'
import { visitLanguageNgrams } from './language_ngrams.ts'
import { proseOf } from './prose.ts'

/** The language of a text in which none was found: code, numbers, nothing. BCP 47 calls it undetermined. */
export const UNDETERMINED = 'und'

/** Of a slot: the upper bits tell n-grams apart, the lower hold the number of the n-gram, from 1. 0 is a free slot. */
export const NGRAM_NUMBER_BITS = 17
const NUMBER_MASK = (1 << NGRAM_NUMBER_BITS) - 1
/** Added to every score of a table that was stored without it. */
const LEAST_SCORE = 53
/** N-grams of Latin letters that must be known: one alone is a short word that many languages have. */
const LEAST_KNOWN = 2

/** Tells the language of a text: ISO 639-1, `und` where there is none to tell. */
export type LanguageDetector = (text: string) => string

const detectors = new WeakMap<TensorFile, LanguageDetector>()

/**
 * The language that a text is written in, among those of `languagesOf(weights)`; code and signs are passed over.
 * @param weights of `PolicyParts.classifier('language')`, checkpoints/classifiers/language.safetensors.
 * @throws DataError where the weights are not those of a language detector.
 */
export function detectLanguage(text: string, weights: TensorFile): string {
  let detect = detectors.get(weights)
  if (!detect) {
    detect = createLanguageDetector(weights)
    detectors.set(weights, detect)
  }
  return detect(text)
}

/** Every language that `detectLanguage` can answer, `und` left out. Throws DataError. */
export function languagesOf(weights: TensorFile): string[] {
  return [...new Set([...readTable(weights).languages, ...refinements.map(({ language }) => language)])].sort()
}

/** A detector that has checked its weights. Throws DataError. */
export function createLanguageDetector(weights: TensorFile): LanguageDetector {
  const { slots, ends, owners, scores, languages } = readTable(weights)
  const mask = slots.length - 1
  const totals = new Int32Array(languages.length)
  const seen = new Uint32Array(ends.length)
  let text = 0
  let known = 0
  const visit = (hash: number) => {
    const tag = hash & ~NUMBER_MASK
    for (let at = hash & mask; slots[at] !== 0; at = (at + 1) & mask) {
      if ((slots[at]! & ~NUMBER_MASK) !== tag) continue
      const ngram = (slots[at]! & NUMBER_MASK) - 1
      if (seen[ngram] === text) return
      seen[ngram] = text
      known++
      for (let k = ngram === 0 ? 0 : ends[ngram - 1]!; k < ends[ngram]!; k++)
        totals[owners[k]!]! += scores[k]! + LEAST_SCORE
      return
    }
  }
  return prompt => {
    const prose = proseOf(prompt)
    totals.fill(0)
    text = (text + 1) >>> 0 || 1
    known = 0
    visitLanguageNgrams(prose, visit)
    let best = -1
    for (let i = 0; i < totals.length; i++) if (totals[i]! > (best < 0 ? 0 : totals[best]!)) best = i
    const found = best < 0 || (known < LEAST_KNOWN && !BEYOND_LATIN.test(prose)) ? UNDETERMINED : languages[best]!
    return refined(found, prose)
  }
}

const BEYOND_LATIN = /[^\0-\u036f\u1e00-\u2fff]/

/** Languages that the table has not, or does not know by one word: told by letters and words of their own. */
const refinements: readonly { readonly from: readonly string[]; readonly language: string; readonly signs: RegExp }[] =
  [
    {
      from: ['ms'],
      language: 'id',
      signs: words(
        'bahwa karena bisa anda adalah tidak apa bagaimana berapa mengapa saya kamu ini itu yang dengan untuk tolong tentang dalam',
      ),
    },
    {
      from: ['id'],
      language: 'ms',
      signs: words('kerana awak boleh ialah bahawa adakah sila hendak mahu kereta pejabat'),
    },
    {
      from: ['sr', 'bg', 'ru', 'uk', 'be'],
      language: 'mk',
      signs: new RegExp(`[ѓќѕ]|${words('зошто сакам каде оваа овој овие мојот мојата дека тоа').source}`, 'iu'),
    },
    { from: ['ru', 'uk', 'be', 'bg', 'sr'], language: 'kk', signs: /[ғқұ]/i },
    {
      from: [UNDETERMINED, 'ca', 'it', 'nl'],
      language: 'en',
      signs: /^\W*(hi|hello|hey|thanks|thank you|yes|help)\W*$/i,
    },
    { from: [UNDETERMINED], language: 'es', signs: /^\W*(hola|gracias)\W*$/i },
    { from: [UNDETERMINED, 'it'], language: 'fr', signs: /^\W*(bonjour|merci|salut)\W*$/i },
    { from: [UNDETERMINED, 'nl'], language: 'de', signs: /^\W*danke\W*$/i },
    { from: [UNDETERMINED], language: 'ja', signs: /[\u3040-\u30ff]/ },
    { from: [UNDETERMINED], language: 'zh', signs: /[\u4e00-\u9fff]/ },
    { from: [UNDETERMINED], language: 'ko', signs: /[\uac00-\ud7af]/ },
    { from: [UNDETERMINED], language: 'th', signs: /[\u0e00-\u0e7f]/ },
    { from: [UNDETERMINED], language: 'km', signs: /[\u1780-\u17ff]/ },
    { from: [UNDETERMINED], language: 'my', signs: /[\u1000-\u109f]/ },
    { from: [UNDETERMINED], language: 'si', signs: /[\u0d80-\u0dff]/ },
    { from: [UNDETERMINED], language: 'bo', signs: /[\u0f00-\u0fff]/ },
  ]

function words(list: string): RegExp {
  return new RegExp(`(^|[^\\p{L}])(${list.replaceAll(' ', '|')})($|[^\\p{L}])`, 'iu')
}

function refined(found: string, prose: string): string {
  let language = found
  for (const { from, language: other, signs } of refinements)
    if (from.includes(language) && signs.test(prose)) language = other
  return language
}

interface LanguageTable {
  /** Open addressing, its length a power of 2. */
  readonly slots: Int32Array
  /** Where the owners of each n-gram end. */
  readonly ends: Int32Array
  /** Places in `languages`, with a score each. */
  readonly owners: Uint8Array
  readonly scores: Uint8Array
  readonly languages: readonly string[]
}

function readTable({ file, tensors, metadata }: TensorFile): LanguageTable {
  const { slots, ends, owners, scores } = Object.fromEntries(
    Object.entries(tensors).map(([name, { data }]) => [name, data]),
  )
  const languages = (metadata.languages ?? '').split(' ')
  const isFitting =
    slots instanceof Int32Array &&
    ends instanceof Int32Array &&
    owners instanceof Uint8Array &&
    scores instanceof Uint8Array &&
    slots.length > ends.length &&
    (slots.length & (slots.length - 1)) === 0 &&
    owners.length === scores.length &&
    ends.at(-1) === owners.length &&
    owners.every(owner => owner < languages.length)
  if (isFitting) return { slots, ends, owners, scores, languages }
  throw new DataError(
    file,
    undefined,
    'expected the weights of a language detector, got others. Install llmroute again.',
  )
}
