import { mix32 } from './hash.ts'

/** Names of what `promptStatistics` counts, in its order. */
export const statisticNames: readonly string[] = [
  'length',
  'words',
  'lines',
  'longest line',
  'digits',
  'capitals',
  'punctuation',
  'share of digits',
  'share of capitals',
  'share of punctuation',
  'mean word length',
  'share of different words',
  'mathematical signs',
  'code signs',
  'question marks',
  'commas',
]

/**
 * What a prompt looks like apart from its words: counts as log(1 + n), shares in 0..1.
 * One value per name of `statisticNames`; all finite, for the empty prompt too.
 */
export function promptStatistics(prompt: string): Float64Array {
  let lines = 1
  let lineStart = 0
  let longest = 0
  counts.fill(0)
  for (let i = 0; i < prompt.length; i++) {
    const unit = prompt.charCodeAt(i)
    if (unit >= 128) continue
    counts[unit]!++
    if (unit === 10) {
      lines++
      longest = Math.max(longest, i + 1 - lineStart)
      lineStart = i + 1
    }
  }
  longest = Math.max(longest, prompt.length - lineStart)
  const digits = sumOf(48, 57)
  const capitals = sumOf(65, 90)
  const punctuation = countOf(PUNCTUATION)
  const { words, letters, different } = countWords(prompt)
  const length = Math.max(1, prompt.length)
  const count = Math.max(1, words)
  return Float64Array.of(
    Math.log1p(prompt.length),
    Math.log1p(words),
    Math.log1p(lines),
    Math.log1p(longest),
    Math.log1p(digits),
    Math.log1p(capitals),
    Math.log1p(punctuation),
    digits / length,
    capitals / length,
    punctuation / length,
    Math.log1p(letters / count),
    different / count,
    Math.log1p(countOf(MATHEMATICAL)),
    Math.log1p(countOf(CODE)),
    Math.log1p(counts[63]!),
    Math.log1p(counts[44]!),
  )
}

/** How often each ASCII character is in the prompt that is being counted. */
const counts = new Int32Array(128)

function sumOf(first: number, last: number): number {
  let sum = 0
  for (let unit = first; unit <= last; unit++) sum += counts[unit]!
  return sum
}

function countOf(units: Uint8Array): number {
  let sum = 0
  for (const unit of units) sum += counts[unit]!
  return sum
}

interface WordCounts {
  readonly words: number
  /** UTF-16 units in words. */
  readonly letters: number
  /** Words that differ by more than case. */
  readonly different: number
}

/** Words are runs of letters and digits of any script. Those that differ are told apart by a hash of 32 bits. */
function countWords(prompt: string): WordCounts {
  let words = 0
  let letters = 0
  let hash: number = START
  let length = 0
  for (let i = 0; i <= prompt.length; i++) {
    const unit = i < prompt.length ? prompt.charCodeAt(i) : 0
    const lower = unit < 128 ? lowerAscii[unit]! : lowerOf(unit)
    if (lower === UNUSUAL) return countUnusualWords(prompt)
    if (lower !== 0) {
      hash = Math.imul(hash ^ lower, PRIME)
      length++
    } else if (length > 0) {
      if (words === hashes.length) hashes = doubled(hashes)
      hashes[words++] = hash
      letters += length
      hash = START
      length = 0
    }
  }
  return { words, letters, different: differentOf(hashes, words) }
}

/** The same for texts with units whose meaning or lower case depends on their neighbours. */
function countUnusualWords(prompt: string): WordCounts {
  const words = prompt.match(WORD) ?? []
  const letters = words.reduce((sum, word) => sum + word.length, 0)
  return { words: words.length, letters, different: new Set(words.map(word => word.toLowerCase())).size }
}

/** How many of the first `count` numbers differ. */
function differentOf(numbers: Int32Array, count: number): number {
  const size = 1 << (33 - Math.clz32(count | 7))
  if (seen.length < size) seen = new Int32Array(size)
  seen.fill(0, 0, size)
  let different = 0
  for (let i = 0; i < count; i++) {
    // 0 marks a free place.
    const number = numbers[i]! || 1
    let place = mix32(number) & (size - 1)
    while (seen[place] !== 0 && seen[place] !== number) place = (place + 1) & (size - 1)
    if (seen[place] === 0) different++
    seen[place] = number
  }
  return different
}

let hashes: Int32Array<ArrayBuffer> = new Int32Array(1 << 10)
let seen: Int32Array<ArrayBuffer> = new Int32Array(1 << 10)

function doubled(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2)
  to.set(from)
  return to
}

/** Mean and standard deviation of each statistic over prompts; a deviation of 0 counts as 1. */
export function statisticMoments(rows: readonly Float64Array[]): { means: number[]; deviations: number[] } {
  const count = Math.max(1, rows.length)
  const means = statisticNames.map((_, j) => rows.reduce((sum, row) => sum + row[j]!, 0) / count)
  const deviations = means.map(
    (mean, j) => Math.sqrt(rows.reduce((sum, row) => sum + (row[j]! - mean) ** 2, 0) / count) || 1,
  )
  return { means, deviations }
}

/** A statistic in standard deviations from its mean, kept within ±4. */
export function standardised(value: number, mean: number, deviation: number): number {
  return Math.max(-4, Math.min(4, (value - mean) / deviation))
}

const WORD = /[\p{L}\p{N}]+/gu
const [START, PRIME] = [0x811c9dc5, 0x01000193] as const
/** No lower case of its own: surrogates, which count in pairs, and what lower case makes longer or shapes by its neighbours. */
const UNUSUAL = -1
const UNKNOWN = -2

/** The lower case of a unit; 0 where it is no letter or digit. */
function lowerOf(unit: number): number {
  if (lowers[unit] === UNKNOWN) lowers[unit] = findLower(unit)
  return lowers[unit]!
}

function findLower(unit: number): number {
  const character = String.fromCharCode(unit)
  if ((unit & 0xf800) === 0xd800) return UNUSUAL
  if (!/[\p{L}\p{N}]/u.test(character)) return 0
  const lower = character.toLowerCase()
  return lower.length === 1 && character !== 'Σ' ? lower.charCodeAt(0) : UNUSUAL
}

const lowers = new Int32Array(65536).fill(UNKNOWN)
const lowerAscii = Int32Array.from({ length: 128 }, (_, unit) => findLower(unit))
const unitsOf = (isOne: (character: string) => boolean) =>
  Uint8Array.from({ length: 128 }, (_, unit) => unit).filter(unit => isOne(String.fromCharCode(unit)))
const PUNCTUATION = unitsOf(character => character > ' ' && character < '\x7f' && !/[a-z0-9]/i.test(character))
const MATHEMATICAL = unitsOf(character => '=+*/^<>\\$'.includes(character))
const CODE = unitsOf(character => '{}();'.includes(character))
