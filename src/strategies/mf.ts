import { foldPair } from '../math/bilinear.ts'
import { dotAt } from '../math/pairwise_logistic.ts'
import { sigmoid } from '../math/probability.ts'
import { statisticNames } from '../text/statistics.ts'
import type { Checkpoint, Outcomes, Reason, Resources, Strategy } from '../types.ts'
import { checkOrigin, fittedMetadata, modelIndex, numberOption, pairIndexes, tensorOf } from './checkpoint_parts.ts'
import { fitMf } from './mf_fit.ts'
import { createPromptSpace, FEATURE_VERSION, fitPromptSpace } from './prompt_space.ts'

/**
 * Matrix factorization: δ(m) = w · (P_m/‖P_m‖ ∘ W x) + bias_m, winRate = σ(δ_strong − δ_weak), as RouteLLM's `mf`. A
 * checkpoint without the tensors of a prompt space is read on the embedding as it is, one without biases has none, and
 * one without quality biases gives win rates only: RouteLLM's own weights are such a one.
 */
export async function create(resources: Resources): Promise<Strategy> {
  const checkpoint = await resources.checkpoint()
  const embedder = await resources.embedder()
  checkOrigin(checkpoint, 'mf', FEATURE_VERSION, embedder)
  const space = createPromptSpace(checkpoint, embedder)
  const width = space.dimensions
  const weights = weightsOf(checkpoint, width)
  const { strong, weak } = pairIndexes(checkpoint, resources.pair)
  const lead = foldPair(weights.P, weights.W, weights.w, width, weights.hidden, strong, weak)
  const leadBias = weights.bias[strong]! - weights.bias[weak]!
  const strategy: Strategy = {
    async winRate(prompts) {
      const vectors = await space.vectors(prompts)
      return Float64Array.from(prompts, (_, i) => sigmoid(dotAt(lead, 0, vectors, i * width, width) + leadBias))
    },
    async explain(prompt) {
      return reasonsOf(await space.vectors([prompt]), lead, embedder.dimensions)
    },
  }
  const { quality } = weights
  if (!quality) return strategy
  return {
    ...strategy,
    async quality(prompts, models) {
      const vectors = await space.vectors(prompts)
      const indexes = models.map(id => modelIndex(checkpoint, id))
      const qualities = new Float64Array(prompts.length * models.length)
      for (let i = 0; i < prompts.length; i++) {
        const strengths = strengthsOf(weights, vectors.subarray(i * width, (i + 1) * width))
        for (const [column, m] of indexes.entries()) {
          qualities[i * models.length + column] = sigmoid(quality.scale * strengths[m]! + quality.biases[m]!)
        }
      }
      return qualities
    },
  }
}

/** Fits on every two models whose scores are known in a row. */
export async function fit(outcomes: Outcomes, resources: Resources): Promise<Checkpoint> {
  const embedder = await resources.embedder()
  const { tensors, vectors, space } = await fitPromptSpace(outcomes.prompts, embedder)
  const { hidden, P, W, w, bias, qualityScale, qualityBias } = fitMf(outcomes, vectors, space.dimensions)
  const models = outcomes.models.length
  return {
    metadata: fittedMetadata('mf', FEATURE_VERSION, outcomes, embedder, resources.seed, { hidden, qualityScale }),
    tensors: {
      ...tensors,
      P: { shape: [models, hidden], data: P },
      W: { shape: [hidden, space.dimensions], data: W },
      w: { shape: [hidden], data: w },
      bias: { shape: [models], data: bias },
      quality_bias: { shape: [models], data: qualityBias },
    },
  }
}

interface Weights {
  readonly hidden: number
  readonly P: Float32Array
  readonly W: Float32Array
  readonly w: Float32Array
  readonly bias: Float32Array
  readonly quality: { readonly scale: number; readonly biases: Float32Array } | undefined
}

function weightsOf(checkpoint: Checkpoint, width: number): Weights {
  const models = checkpoint.metadata.models.length
  const w = tensorOf(checkpoint, 'w', Float32Array, [undefined])
  const hidden = w.length
  const has = (name: string) => Object.hasOwn(checkpoint.tensors, name)
  return {
    hidden,
    w,
    P: tensorOf(checkpoint, 'P', Float32Array, [models, hidden]),
    W: tensorOf(checkpoint, 'W', Float32Array, [hidden, width]),
    bias: has('bias') ? tensorOf(checkpoint, 'bias', Float32Array, [models]) : new Float32Array(models),
    quality: has('quality_bias')
      ? {
          scale: numberOption(checkpoint, 'qualityScale'),
          biases: tensorOf(checkpoint, 'quality_bias', Float32Array, [models]),
        }
      : undefined,
  }
}

/** δ of every model for one vector. */
function strengthsOf({ P, W, w, bias, hidden }: Weights, vector: Float32Array): Float64Array {
  const projected = Float64Array.from(w, (scale, h) => {
    let sum = 0
    for (let j = 0; j < vector.length; j++) sum += W[h * vector.length + j]! * vector[j]!
    return scale * sum
  })
  return Float64Array.from(bias, (level, m) => {
    const row = P.subarray(m * hidden, (m + 1) * hidden)
    return level + row.reduce((sum, value, h) => sum + value * projected[h]!, 0) / Math.hypot(...row)
  })
}

/** What the wording and each statistic moved the win rate by, near one half. */
function reasonsOf(vector: Float32Array, lead: Float64Array, wording: number): Reason[] {
  const weights = vector.map((value, j) => (value * lead[j]!) / 4)
  const words = weights.subarray(0, wording).reduce((sum, weight) => sum + weight, 0)
  const reasons: Reason[] = [{ kind: 'feature', name: 'wording', weight: words }]
  for (let j = wording; j < weights.length; j++) {
    reasons.push({ kind: 'feature', name: statisticNames[j - wording]!, weight: weights[j]! })
  }
  return reasons.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
}
