import { DataError } from '../errors.ts'
import { createNgramCounter, NGRAM_BITS, NGRAM_INDEXES, ngramIndex, termFrequency } from '../text/ngram_counts.ts'
import { ngramKinds, visitNgrams } from '../text/ngrams.ts'
import { promptStatistics, standardised, statisticNames } from '../text/statistics.ts'
import type { Checkpoint, Outcomes, Reason, Resources, Strategy } from '../types.ts'
import { fitLinear, type LinearWeights } from './linear_fit.ts'

/** Raised whenever the same text would give other features. */
const FEATURE_VERSION = 1
const REASONS = 12

/** A linear model of E[strong − weak] over hashed n-grams (TF-IDF, each kind of unit length) and prompt statistics. */
export async function create(resources: Resources): Promise<Strategy> {
  const model = weightsOf(await resources.checkpoint())
  const counter = createNgramCounter()
  return {
    async winRate(prompts) {
      return Float64Array.from(prompts, prompt =>
        winRateOf(model.intercept + ngramScore(prompt) + statisticScore(prompt, model)),
      )
    },
    async explain(prompt) {
      return strongest([...ngramReasons(prompt, model), ...statisticReasons(prompt, model)])
    },
  }

  function ngramScore(prompt: string): number {
    const { indexes, counts } = counter
    const length = counter.count(prompt)
    const sums = [0, 0, 0]
    const squares = [0, 0, 0]
    for (let k = 0; k < length; k++) {
      const index = indexes[k]!
      const idf = model.idf[index]!
      if (idf === 0) continue
      const kind = index >> NGRAM_BITS
      const frequency = termFrequency(counts[k]!)
      sums[kind]! += frequency * model.weights[index]!
      squares[kind]! += (frequency * idf) ** 2
    }
    return scoreOf(sums, squares, model)
  }
}

/** Fits by ridge regression on strong − weak, with an intercept per source that is left behind. */
export async function fit(outcomes: Outcomes, { seed }: Resources): Promise<Checkpoint> {
  const { weights, idf, idfScale, kindWeights, statistics, intercept } = fitLinear(outcomes)
  const { strong, weak } = outcomes.sources[0]!
  return {
    metadata: {
      strategy: 'linear',
      models: [outcomes.models[weak]!, outcomes.models[strong]!],
      pair: { strong: outcomes.models[strong]!, weak: outcomes.models[weak]! },
      featureVersion: FEATURE_VERSION,
      trainedOn: [],
      date: '',
      seed,
      options: { idfScale, kindWeights, intercept },
    },
    tensors: {
      weights: { shape: [ngramKinds.length, 1 << NGRAM_BITS], data: weights },
      idf: { shape: [ngramKinds.length, 1 << NGRAM_BITS], data: idf },
      statistics: { shape: [statisticNames.length, 3], data: statistics },
    },
  }
}

/** E[strong − weak] as a win rate: P(win) + ½ P(tie) = ½ + ½ E[strong − weak] for scores of 0 and 1. */
function winRateOf(added: number): number {
  return Math.max(0, Math.min(1, 0.5 + added / 2))
}

function scoreOf(
  sums: readonly number[],
  squares: readonly number[],
  { kindWeights, idfScale }: LinearWeights,
): number {
  let score = 0
  for (const [kind, weight] of kindWeights.entries()) {
    if (squares[kind]! > 0) score += (weight * sums[kind]!) / (Math.sqrt(squares[kind]!) * (idfScale / 255))
  }
  return score
}

function statisticScore(prompt: string, { statistics }: LinearWeights): number {
  let score = 0
  for (const [i, value] of promptStatistics(prompt).entries()) {
    score += statistics[i * 3 + 2]! * standardised(value, statistics[i * 3]!, statistics[i * 3 + 1]!)
  }
  return score
}

function ngramReasons(prompt: string, model: LinearWeights): Reason[] {
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

function strongest(reasons: readonly Reason[]): Reason[] {
  return reasons.toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, REASONS)
}

function weightsOf({ metadata, tensors }: Checkpoint): LinearWeights {
  const { idfScale, kindWeights, intercept } = metadata.options
  const { weights, idf, statistics } = tensors
  if (metadata.strategy !== 'linear' || metadata.featureVersion !== FEATURE_VERSION) {
    throw new DataError(
      'linear',
      undefined,
      `expected a checkpoint of linear with feature version ${FEATURE_VERSION}, got ${metadata.strategy} with ${metadata.featureVersion}. Train it again.`,
    )
  }
  if (
    !(weights?.data instanceof Float32Array && weights.data.length === NGRAM_INDEXES) ||
    !(idf?.data instanceof Uint8Array && idf.data.length === NGRAM_INDEXES) ||
    !(statistics?.data instanceof Float64Array && statistics.data.length === statisticNames.length * 3) ||
    typeof idfScale !== 'number' ||
    typeof intercept !== 'number' ||
    !Array.isArray(kindWeights)
  ) {
    throw new DataError(
      'linear',
      undefined,
      'expected the tensors weights, idf and statistics, got others. Train the checkpoint again.',
    )
  }
  return {
    weights: weights.data,
    idf: idf.data,
    statistics: statistics.data,
    idfScale,
    kindWeights: kindWeights as number[],
    intercept,
  }
}
