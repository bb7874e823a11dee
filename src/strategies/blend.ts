import { UsageError } from '../errors.ts'
import { createProduct } from '../math/kernel_rows.ts'
import { statisticNames } from '../text/statistics.ts'
import { createVocabulary, KEPT_WORDS } from '../text/vocabulary.ts'
import type { Checkpoint, Outcomes, Reason, Resources, Strategy } from '../types.ts'
import { fitBlend } from './blend_fit.ts'
import { checkOrigin, fittedMetadata, numberOption, numbersOption, tensorOf } from './checkpoint_parts.ts'
import { strongest, winRateOf } from './linear_score.ts'
import { type PromptFeatures, readPromptFeatures } from './prompt_features.ts'
import { addedScores } from './source_shifts.ts'
import { createNgramScorer, readNgramTables } from './word_ngrams.ts'

/** Raised whenever the same text would give other features. */
const FEATURE_VERSION = 2
/** An expert has no say on prompts that look less like its file than this, and full say from there on. */
const [STRANGER, MEMBER] = [0.45, 0.75]
/** What all files have in common is all there is on strange prompts: it is let speak up. */
const COMMON_WEIGHT = 4

/**
 * winRate = ½ + ½ · the strong − weak that experts expect, one for each file trained on, each heard as far as the prompt looks
 * like that file, and what all files have in common. An expert sums two ridge regressions: one on n-grams, one on a
 * kernel of shape that meaning sharpens and on hashed wording. With one file there is one expert, always heard.
 */
export async function create(resources: Resources): Promise<Strategy> {
  const checkpoint = await resources.checkpoint()
  const embedder = await resources.embedder()
  checkOrigin(checkpoint, 'blend', FEATURE_VERSION, embedder)
  const vocabulary = createVocabulary(KEPT_WORDS)
  const features = readPromptFeatures(checkpoint, embedder, vocabulary)
  const { experts, intercept, intercepts, weights } = readWeights(checkpoint, features)
  const ngrams = createNgramScorer(readNgramTables(checkpoint, experts), vocabulary)
  const columns = intercepts.length
  const weigh = createProduct(weights, columns)
  const heard = new Float64Array(experts)

  /** What strong adds; leaves in `heard` how far each expert had a say. */
  function combine(row: Float32Array): number {
    const sums = weigh(row)
    for (let column = 0; column < columns; column++) sums[column]! += intercepts[column]!
    for (let expert = 0; expert < experts; expert++) {
      heard[expert] = Math.max(0, Math.min(1, (sums[experts + expert]! - STRANGER) / (MEMBER - STRANGER)))
    }
    const told = ngrams.score()
    let added = intercept + COMMON_WEIGHT * sums[columns - 1]!
    for (let expert = 0; expert < experts; expert++) added += heard[expert]! * (sums[expert]! + told[expert]!)
    return added
  }

  return {
    async winRate(prompts) {
      const winRates = new Float64Array(prompts.length)
      await features.visit(prompts, (row, i) => {
        winRates[i] = winRateOf(combine(row))
      })
      return winRates
    },
    async explain(prompt) {
      const reasons: Reason[] = []
      await features.visit([prompt], row => {
        combine(row)
        reasons.push(...featureReasons(row), ...ngramReasons(prompt))
      })
      return strongest(reasons)
    },
  }

  function ngramReasons(prompt: string): Reason[] {
    return ngrams.parts(prompt).map(({ name, scores }) => ({
      kind: 'feature',
      name,
      weight: scores.reduce((sum, score, expert) => sum + heard[expert]! * score, 0) / 2,
    }))
  }

  function featureReasons(row: Float32Array): Reason[] {
    const moved = (from: number, to: number) => {
      let sum = 0
      for (let j = from; j < to; j++) {
        for (let expert = 0; expert < experts; expert++)
          sum += heard[expert]! * row[j]! * weights[j * columns + expert]!
        sum += COMMON_WEIGHT * row[j]! * weights[j * columns + columns - 1]!
      }
      return sum / 2
    }
    const inner = features.width - statisticNames.length
    return [
      { kind: 'feature', name: 'meaning and shape', weight: moved(0, features.landmarks) },
      { kind: 'feature', name: 'wording', weight: moved(features.landmarks, inner) },
      ...statisticNames.map((name, j) => ({
        kind: 'feature' as const,
        name,
        weight: moved(inner + j, inner + j + 1),
      })),
    ]
  }
}

/** Fits the experts on the rows whose pair was measured. */
export async function fit(outcomes: Outcomes, resources: Resources): Promise<Checkpoint> {
  const added = addedScores(outcomes)
  const kept = Array.from(outcomes.prompts.keys()).filter(row => !Number.isNaN(added[row]!))
  if (kept.length === 0) {
    throw new UsageError(
      'blend: expected rows in which both models of the pair were measured, got none. Name another pair.',
    )
  }
  const embedder = await resources.embedder()
  const used = [...new Set(kept.map(row => outcomes.source[row]!))].sort((a, b) => a - b)
  const rows = {
    prompts: kept.map(row => outcomes.prompts[row]!),
    targets: Float64Array.from(kept, row => added[row]!),
    sources: kept.map(row => used.indexOf(outcomes.source[row]!)),
  }
  const { options, tensors } = await fitBlend(rows, embedder, resources.seed)
  return { metadata: fittedMetadata('blend', FEATURE_VERSION, outcomes, embedder, resources.seed, options), tensors }
}

function readWeights(checkpoint: Checkpoint, { width }: PromptFeatures) {
  const experts = numberOption(checkpoint, 'experts')
  const columns = 2 * experts + 1
  return {
    experts,
    intercept: numberOption(checkpoint, 'intercept'),
    intercepts: numbersOption(checkpoint, 'intercepts', columns),
    weights: tensorOf(checkpoint, 'weights', Float32Array, [width, columns]),
  }
}
