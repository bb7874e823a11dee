import { NGRAM_BITS, ngramIndex, termFrequency } from '../text/ngram_counts.ts'
import { ngramKinds, visitNgrams } from '../text/ngrams.ts'
import { promptStatistics, standardised, statisticNames } from '../text/statistics.ts'
import type { Reason } from '../types.ts'
import type { LinearWeights } from './linear_fit.ts'

const REASONS = 12

/** E[strong − weak] as a win rate: P(win) + ½ P(tie) = ½ + ½ E[strong − weak] for scores of 0 and 1. */
export function winRateOf(added: number): number {
  return Math.max(0, Math.min(1, 0.5 + added / 2))
}

/** The part of n-grams in a score: sums of weighted term frequencies by kind, each over the length of its kind. */
export function scoreOf(
  sums: ArrayLike<number>,
  squares: ArrayLike<number>,
  { kindWeights, idfScale }: Pick<LinearWeights, 'kindWeights' | 'idfScale'>,
): number {
  let score = 0
  for (const [kind, weight] of kindWeights.entries()) {
    if (squares[kind]! > 0) score += (weight * sums[kind]!) / (Math.sqrt(squares[kind]!) * (idfScale / 255))
  }
  return score
}

/** What each n-gram and each statistic of a prompt moves its win rate by. */
export function linearReasons(prompt: string, model: LinearWeights): Reason[] {
  return [...ngramReasons(prompt, model), ...statisticReasons(prompt, model)]
}

/** The reasons that moved the win rate most, in that order. */
export function strongest(reasons: readonly Reason[]): Reason[] {
  return reasons.toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, REASONS)
}

/** What each n-gram of a prompt moves its win rate by. */
export function ngramReasons(prompt: string, model: Omit<LinearWeights, 'statistics' | 'intercept'>): Reason[] {
  const lower = prompt.toLowerCase()
  const found = new Map<string, { index: number; count: number }>()
  visitNgrams(prompt, (hash, kind, start, end) => {
    const index = ngramIndex(hash, kind)
    if (model.idf[index] === 0) return
    const name = `${ngramKinds[kind]} "${lower.slice(start, end).replace(/\s+/g, ' ')}"`
    const entry = found.get(name)
    if (entry) entry.count++
    else found.set(name, { index, count: 1 })
  })
  const squares = ngramKinds.map(() => 0)
  for (const { index, count } of found.values())
    squares[index >> NGRAM_BITS]! += (termFrequency(count) * model.idf[index]!) ** 2
  return Array.from(found, ([name, { index, count }]) => {
    const sums = ngramKinds.map((_, kind) =>
      kind === index >> NGRAM_BITS ? termFrequency(count) * model.weights[index]! : 0,
    )
    return { kind: 'feature', name, weight: scoreOf(sums, squares, model) / 2 }
  })
}

function statisticReasons(prompt: string, { statistics }: LinearWeights): Reason[] {
  return Array.from(promptStatistics(prompt), (value, i) => ({
    kind: 'feature',
    name: statisticNames[i]!,
    weight: (statistics[i * 3 + 2]! * standardised(value, statistics[i * 3]!, statistics[i * 3 + 1]!)) / 2,
  }))
}
