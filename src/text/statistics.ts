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
  const statistics = new Float64Array(statisticNames.length)
  fillStatistics(prompt, statistics)
  return statistics
}

/** Puts the same into memory that is there. */
export function fillStatistics(prompt: string, into: Float64Array): void {
  const { words, letters, different, lines, longest } = countUnits(prompt)
  const digits = sumOf(48, 57)
  const capitals = sumOf(65, 90)
  const punctuation = countOf(PUNCTUATION)
  const length = Math.max(1, prompt.length)
  const count = Math.max(1, words)
  let at = 0
  into[at++] = Math.log1p(prompt.length)
  into[at++] = Math.log1p(words)
  into[at++] = Math.log1p(lines)
  into[at++] = Math.log1p(longest)
  into[at++] = Math.log1p(digits)
  into[at++] = Math.log1p(capitals)
  into[at++] = Math.log1p(punctuation)
  into[at++] = digits / length
  into[at++] = capitals / length
  into[at++] = punctuation / length
  into[at++] = Math.log1p(letters / count)
  into[at++] = different / count
  into[at++] = Math.log1p(countOf(MATHEMATICAL))
  into[at++] = Math.log1p(countOf(CODE))
  into[at++] = Math.log1p(counts[63]!)
  into[at++] = Math.log1p(counts[44]!)
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

interface UnitCounts {
  readonly words: number
  /** UTF-16 units in words. */
  readonly letters: number
  /** Words that differ by more than case. */
  readonly different: number
  readonly lines: number
  /** UTF-16 units of the longest line, with its end. */
  readonly longest: number
}

/**
 * Fills `counts`, and counts what depends on the order. Words are runs of letters and digits of any script. Those that differ are
 * told apart by a hash of 32 bits.
 */
function countUnits(prompt: string): UnitCounts {
  counts.fill(0)
  let words = 0
  let letters = 0
  let lines = 1
  let lineStart = 0
  let longest = 0
  let isUnusual = false
  for (let i = 0; i < prompt.length; ) {
    const start = i
    let hash: number = START
    let unit = 0
    for (; i < prompt.length; i++) {
      unit = prompt.charCodeAt(i)
      const lower = unit < 128 ? lowerAscii[unit]! : lowerOf(unit)
      if (lower === 0) break
      if (unit < 128) counts[unit]!++
      else if (lower === UNUSUAL) isUnusual = true
      hash = Math.imul(hash ^ lower, PRIME)
    }
    if (i > start) {
      if (words === hashes.length) hashes = doubled(hashes)
      hashes[words++] = hash
      letters += i - start
    }
    if (i === prompt.length) break
    if (unit < 128) counts[unit]!++
    i++
    if (unit === 10) {
      lines++
      longest = Math.max(longest, i - lineStart)
      lineStart = i
    }
  }
  longest = Math.max(longest, prompt.length - lineStart)
  if (isUnusual) return countUnusualWords(prompt, lines, longest)
  return { words, letters, different: differentOf(hashes, words), lines, longest }
}

/** The same for texts with units whose meaning or lower case depends on their neighbours. */
function countUnusualWords(prompt: string, lines: number, longest: number): UnitCounts {
  const words = prompt.match(WORD) ?? []
  const letters = words.reduce((sum, word) => sum + word.length, 0)
  const different = new Set(words.map(word => word.toLowerCase())).size
  return { words: words.length, letters, different, lines, longest }
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
    let place = (number ^ (number >>> 15)) & (size - 1)
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
