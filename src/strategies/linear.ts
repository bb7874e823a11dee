import { DataError } from '../errors.ts'
import { createNgramCounter, NGRAM_BITS, NGRAM_INDEXES, termFrequency } from '../text/ngram_counts.ts'
import { ngramKinds } from '../text/ngrams.ts'
import { promptStatistics, standardised, statisticNames } from '../text/statistics.ts'
import type { Checkpoint, Outcomes, Resources, Strategy } from '../types.ts'
import { fitLinear, type LinearWeights } from './linear_fit.ts'
import { linearReasons, scoreOf, strongest, winRateOf } from './linear_score.ts'

/** Raised whenever the same text would give other features. */
const FEATURE_VERSION = 1

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
      return strongest(linearReasons(prompt, model))
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

function statisticScore(prompt: string, { statistics }: LinearWeights): number {
  let score = 0
  for (const [i, value] of promptStatistics(prompt).entries()) {
    score += statistics[i * 3 + 2]! * standardised(value, statistics[i * 3]!, statistics[i * 3 + 1]!)
  }
  return score
}
