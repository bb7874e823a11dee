import { UsageError } from '../errors.ts'
import { createNgramCounter, NGRAM_BITS, NGRAM_INDEXES, termFrequency } from '../text/ngram_counts.ts'
import { ngramKinds } from '../text/ngrams.ts'
import { statisticNames } from '../text/statistics.ts'
import type { Checkpoint, Outcomes, Reason, Resources, Strategy } from '../types.ts'
import { fitBlend } from './blend_fit.ts'
import { broken, checkOrigin, fittedMetadata, numberOption, tensorOf } from './checkpoint_parts.ts'
import { ngramReasons, scoreOf, strongest, winRateOf } from './linear_score.ts'
import { type PromptFeatures, readPromptFeatures } from './prompt_features.ts'
import { addedScores } from './source_shifts.ts'

/** Raised whenever the same text would give other features. */
const FEATURE_VERSION = 1
/** An expert has no say on prompts that look less like its file than this, and full say from there on. */
const [STRANGER, MEMBER] = [0.35, 0.85]
/** What all files have in common is all there is on strange prompts: it is let speak up. */
const COMMON_WEIGHT = 3

/**
 * winRate = ½ + ½ · the strong − weak that experts expect, one for each file trained on, each heard as far as the prompt looks
 * like that file, and what all files have in common. An expert sums two ridge regressions: one on n-grams, one on kernels
 * of meaning and shape and on hashed wording. With one file there is one expert, always heard.
 */
export async function create(resources: Resources): Promise<Strategy> {
  const checkpoint = await resources.checkpoint()
  const embedder = await resources.embedder()
  checkOrigin(checkpoint, 'blend', FEATURE_VERSION, embedder)
  const features = await readPromptFeatures(checkpoint, embedder)
  const { experts, intercept, intercepts, weights } = readWeights(checkpoint, features)
  const words = createWordScorer(checkpoint, experts)
  const columns = intercepts.length

  function combine(prompt: string, row: Float32Array) {
    const sums = Float64Array.from(intercepts)
    for (let j = 0; j < row.length; j++) {
      const value = row[j]!
      for (let column = 0, at = j * columns; column < columns; column++, at++) sums[column]! += value * weights[at]!
    }
    const heard = Float64Array.from({ length: experts }, (_, expert) =>
      Math.max(0, Math.min(1, (sums[experts + expert]! - STRANGER) / (MEMBER - STRANGER))),
    )
    let added = intercept + COMMON_WEIGHT * sums[columns - 1]! + words.score(prompt, heard)
    for (let expert = 0; expert < experts; expert++) added += heard[expert]! * sums[expert]!
    return { added, heard }
  }

  return {
    async winRate(prompts) {
      const rows = await features.rows(prompts)
      return Float64Array.from(prompts, (prompt, i) =>
        winRateOf(combine(prompt, rows.subarray(i * features.width, (i + 1) * features.width)).added),
      )
    },
    async explain(prompt) {
      const row = await features.rows([prompt])
      const { heard } = combine(prompt, row)
      return strongest([...featureReasons(row, heard), ...words.reasons(prompt, heard)])
    },
  }

  function featureReasons(row: Float32Array, heard: Float64Array): Reason[] {
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

/** The n-grams of every expert. */
interface WordScorer {
  /** What the n-grams of the experts expect, each as far as it is heard. */
  score(prompt: string, heard: Float64Array): number
  reasons(prompt: string, heard: Float64Array): Reason[]
}

function createWordScorer(checkpoint: Checkpoint, experts: number): WordScorer {
  const kinds = ngramKinds.length
  const codes = tensorOf(checkpoint, 'words', Int8Array, [kinds, 1 << NGRAM_BITS, experts])
  const scales = tensorOf(checkpoint, 'word_scales', Float32Array, [experts, kinds])
  const idf = tensorOf(checkpoint, 'idf', Uint8Array, [kinds, 1 << NGRAM_BITS])
  const idfScale = numberOption(checkpoint, 'idfScale')
  const kindWeights = numbersOption(checkpoint, 'kindWeights', kinds)
  const counter = createNgramCounter()
  const squares = new Float64Array(kinds)
  const sums = new Float64Array(kinds * experts)
  return {
    score(prompt, heard) {
      const length = counter.count(prompt)
      squares.fill(0)
      sums.fill(0)
      for (let k = 0; k < length; k++) {
        const index = counter.indexes[k]!
        if (idf[index] === 0) continue
        const kind = index >> NGRAM_BITS
        const frequency = termFrequency(counter.counts[k]!)
        squares[kind]! += (frequency * idf[index]!) ** 2
        const from = index * experts
        const to = kind * experts
        for (let expert = 0; expert < experts; expert++) sums[to + expert]! += frequency * codes[from + expert]!
      }
      const heardSums = kindWeights.map((_, kind) => {
        let sum = 0
        for (let expert = 0; expert < experts; expert++) {
          sum += heard[expert]! * sums[kind * experts + expert]! * scales[expert * kinds + kind]!
        }
        return sum
      })
      return scoreOf(heardSums, squares, { kindWeights, idfScale })
    },
    reasons(prompt, heard) {
      const weights = Float32Array.from({ length: NGRAM_INDEXES }, (_, index) => {
        let sum = 0
        for (let expert = 0; expert < experts; expert++) {
          const scale = scales[expert * kinds + (index >> NGRAM_BITS)]!
          sum += heard[expert]! * scale * codes[index * experts + expert]!
        }
        return sum
      })
      return ngramReasons(prompt, { weights, idf, idfScale, kindWeights })
    },
  }
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

function numbersOption({ metadata }: Checkpoint, name: string, length: number): readonly number[] {
  const values = Object.hasOwn(metadata.options, name) ? metadata.options[name] : undefined
  if (Array.isArray(values) && values.length === length && values.every(value => typeof value === 'number')) {
    return values as number[]
  }
  throw broken('blend', `expected ${length} numbers as option ${name}, got other.`)
}
