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
  let line = 0
  let longest = 0
  let digits = 0
  let capitals = 0
  let punctuation = 0
  let mathematical = 0
  let code = 0
  let questions = 0
  let commas = 0
  for (let i = 0; i < prompt.length; i++) {
    const unit = prompt.charCodeAt(i)
    line++
    if (unit === 10) {
      lines++
      longest = Math.max(longest, line)
      line = 0
    } else if (unit >= 48 && unit <= 57) digits++
    else if (unit >= 65 && unit <= 90) capitals++
    else if (unit < 128 && isPunctuation[unit]) {
      punctuation++
      if (isMathematical[unit]) mathematical++
      if (isCode[unit]) code++
      if (unit === 63) questions++
      if (unit === 44) commas++
    }
  }
  const words = prompt.match(WORD) ?? []
  const letters = words.reduce((sum, word) => sum + word.length, 0)
  const different = new Set(words.map(word => word.toLowerCase())).size
  const length = Math.max(1, prompt.length)
  const count = Math.max(1, words.length)
  return Float64Array.of(
    Math.log1p(prompt.length),
    Math.log1p(words.length),
    Math.log1p(lines),
    Math.log1p(Math.max(longest, line)),
    Math.log1p(digits),
    Math.log1p(capitals),
    Math.log1p(punctuation),
    digits / length,
    capitals / length,
    punctuation / length,
    Math.log1p(letters / count),
    different / count,
    Math.log1p(mathematical),
    Math.log1p(code),
    Math.log1p(questions),
    Math.log1p(commas),
  )
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
const signs = (text: string) =>
  Uint8Array.from({ length: 128 }, (_, unit) => Number(text.includes(String.fromCharCode(unit))))
const isPunctuation = Uint8Array.from({ length: 128 }, (_, unit) =>
  Number(unit > 32 && unit < 127 && !/[a-z0-9]/i.test(String.fromCharCode(unit))),
)
const isMathematical = signs('=+*/^<>\\$')
const isCode = signs('{}();')
