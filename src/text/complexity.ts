/** Read no further: what is asked for shows before. */
const MOST = 2000

/**
 * How much a prompt asks for, 0..1: the weighted mean of six counts, each as 1 − 2^(−count / half), so that `half` of them are
 * worth one half. A rule of thumb with round numbers, fitted to nothing; the words are English, the signs are not.
 *
 * | counted | half | weight |
 * |---|---|---|
 * | words (of scripts without spaces, characters / 2) | 40 | 0.25 |
 * | clauses: commas, semicolons, colons, because, if, which, while, … | 3 | 0.15 |
 * | constraints: must, exactly, only, without, at least, … | 1 | 0.15 |
 * | signs of mathematics and code: = + * / ^ < > \ $ { } ( ) [ ] _ | 6 | 0.15 |
 * | steps: question marks, first, then, finally, lines that begin with a number or a dash | 2 | 0.1 |
 * | demands: prove, derive, analyse, design, compare, optimise, … | 0.5 | 0.2 |
 */
export function complexityOf(prompt: string): number {
  const text = prompt.length > MOST ? prompt.slice(0, MOST) : prompt
  const counts = new Float64Array(parts.length)
  counts[WORDS] = text.length > 0 ? countWords(text, counts) : 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 128) {
      const part = signs[unit]!
      if (part > 0) counts[part - 1]!++
      if (unit === 10 && isListed(text, i + 1)) counts[STEPS]!++
    } else if (unit === 0x3001 || unit === 0xff0c || unit === 0x60c) counts[CLAUSES]!++
    else if (unit === 0xff1f || unit === 0x61f) counts[STEPS]!++
  }
  let sum = 0
  for (let i = 0; i < parts.length; i++) sum += parts[i]!.weight * (1 - 2 ** (-counts[i]! / parts[i]!.half))
  return sum
}

const [WORDS, CLAUSES, CONSTRAINTS, SIGNS, STEPS, DEMANDS] = [0, 1, 2, 3, 4, 5] as const
const parts = [
  { half: 40, weight: 0.25 },
  { half: 3, weight: 0.15 },
  { half: 1, weight: 0.15 },
  { half: 6, weight: 0.15 },
  { half: 2, weight: 0.1 },
  { half: 0.5, weight: 0.2 },
]

const lists: readonly (readonly [part: number, words: string])[] = [
  [CLAUSES, 'because if which while although though whereas unless since when so whose whether but however and'],
  [
    CONSTRAINTS,
    'must should exactly only without least most never always cannot within ensure require required requires avoid strictly not except limit maximum minimum limited between',
  ],
  [STEPS, 'first second then next finally step steps lastly afterwards also additionally'],
  [
    DEMANDS,
    'prove derive analyse analyze design compare contrast optimise optimize evaluate implement critique justify refactor architect formulate demonstrate integrate simulate reconcile diagnose debug estimate investigate discuss argue proof theorem algorithm trade-off strategy assess model',
  ],
]
const partOfWord = new Map(lists.flatMap(([part, words]) => words.split(' ').map(word => [word, part] as const)))
const LONGEST = 12

const signs = Uint8Array.from({ length: 128 }, (_, unit) => {
  const sign = String.fromCharCode(unit)
  if (',;:'.includes(sign)) return CLAUSES + 1
  if (/[=+*/^<>\\$(){}[\]_]/.test(sign)) return SIGNS + 1
  return sign === '?' ? STEPS + 1 : 0
})

/** Counts words of the lists into `counts`; returns how many words there are. */
function countWords(text: string, counts: Float64Array): number {
  const lower = text.toLowerCase()
  let words = 0
  let unspaced = 0
  let start = -1
  for (let i = 0; i <= lower.length; i++) {
    const unit = i < lower.length ? lower.charCodeAt(i) : 32
    const isInside = unit >= 128 ? unit > 0xbf : (unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57)
    if (unit >= 0x3040 && unit <= 0xd7af) unspaced++
    if (isInside) {
      if (start < 0) start = i
      continue
    }
    if (start < 0) continue
    words++
    if (i - start <= LONGEST) {
      const part = partOfWord.get(lower.slice(start, i))
      if (part !== undefined) counts[part]!++
    }
    start = -1
  }
  return words + unspaced / 2
}

/** Whether a line begins with a dash or a number and a dot. */
function isListed(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  if (unit === 45 || unit === 42) return text.charCodeAt(at + 1) === 32
  const next = text.charCodeAt(at + 1)
  return unit >= 48 && unit <= 57 && (next === 46 || next === 41)
}
