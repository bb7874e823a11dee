import { UsageError } from '../errors.ts'
import { type Forest, forestContributions, LEAF, predictForest } from '../math/forest.ts'
import { growForest } from '../math/forest_fit.ts'
import { promptStatistics, statisticNames } from '../text/statistics.ts'
import type { Checkpoint, Embedder, Outcomes, Reason, Resources, Strategy } from '../types.ts'
import { broken, checkIndexes, checkOrigin, fittedMetadata, tensorOf } from './checkpoint_parts.ts'
import { FEATURE_VERSION } from './prompt_space.ts'
import { addedScores, sourceShifts } from './source_shifts.ts'

const TREES = 100
/** Features tried at each split: more take longer and rank no better. */
const TRIED = 24

/** winRate = ½ + ½ · the strong − weak that a random forest over embedding and prompt statistics expects. */
export async function create(resources: Resources): Promise<Strategy> {
  const checkpoint = await resources.checkpoint()
  const embedder = await resources.embedder()
  checkOrigin(checkpoint, 'forest', FEATURE_VERSION, embedder)
  const width = embedder.dimensions + statisticNames.length
  const forest = readForest(checkpoint, width)
  return {
    async winRate(prompts) {
      const features = await featuresOf(prompts, embedder)
      return Float64Array.from(prompts, (_, i) => predictForest(forest, features.subarray(i * width, (i + 1) * width)))
    },
    async explain(prompt) {
      return reasonsOf(forestContributions(forest, await featuresOf([prompt], embedder)), embedder.dimensions)
    },
  }
}

/** Grows the forest on the rows whose pair was measured. */
export async function fit(outcomes: Outcomes, resources: Resources): Promise<Checkpoint> {
  const added = addedScores(outcomes)
  const shifts = sourceShifts(outcomes)
  const kept = Array.from(outcomes.prompts.keys()).filter(row => !Number.isNaN(added[row]!))
  if (kept.length === 0) {
    throw new UsageError(
      'forest: expected rows in which both models of the pair were measured, got none. Name another pair.',
    )
  }
  const embedder = await resources.embedder()
  const width = embedder.dimensions + statisticNames.length
  const features = await featuresOf(
    kept.map(row => outcomes.prompts[row]!),
    embedder,
  )
  const targets = Float64Array.from(kept, row => {
    const share = 0.5 + (added[row]! - shifts[outcomes.source[row]!]!) / 2
    return Math.max(0, Math.min(1, share))
  })
  const forest = growForest(features, width, targets, {
    trees: TREES,
    tried: TRIED,
    leastLeaf: Math.max(1, Math.round(Math.sqrt(kept.length) / 2)),
    seed: resources.seed,
  })
  const nodes = forest.values.length
  return {
    metadata: fittedMetadata('forest', FEATURE_VERSION, outcomes, embedder, resources.seed, { trees: TREES }),
    tensors: {
      roots: { shape: [TREES], data: forest.roots },
      features: { shape: [nodes], data: forest.features },
      thresholds: { shape: [nodes], data: forest.thresholds },
      children: { shape: [nodes], data: forest.children },
      values: { shape: [nodes], data: forest.values },
    },
  }
}

/** Embedding and statistics side by side, row-major. */
async function featuresOf(prompts: readonly string[], embedder: Embedder): Promise<Float32Array> {
  const { dimensions } = embedder
  const width = dimensions + statisticNames.length
  const embeddings = await embedder.embed(prompts)
  const features = new Float32Array(prompts.length * width)
  for (const [i, prompt] of prompts.entries()) {
    features.set(embeddings.subarray(i * dimensions, (i + 1) * dimensions), i * width)
    features.set(promptStatistics(prompt), i * width + dimensions)
  }
  return features
}

function readForest(checkpoint: Checkpoint, width: number): Forest {
  const values = tensorOf(checkpoint, 'values', Float32Array, [undefined])
  const shape = [values.length]
  const forest = {
    roots: tensorOf(checkpoint, 'roots', Int32Array, [undefined]),
    features: tensorOf(checkpoint, 'features', Uint16Array, shape),
    thresholds: tensorOf(checkpoint, 'thresholds', Float32Array, shape),
    children: tensorOf(checkpoint, 'children', Int32Array, shape),
    values,
  }
  checkIndexes(checkpoint, 'roots', forest.roots, values.length)
  if (!isSound(forest, width)) {
    throw broken(
      'forest',
      'expected trees over the features there are, with children behind their parents, got others.',
    )
  }
  return forest
}

/** Whether every walk ends, in a leaf that is there. */
function isSound({ features, children }: Forest, width: number): boolean {
  return features.every((feature, node) => {
    const left = children[node]!
    return feature === LEAF || (feature < width && left > node && left + 1 < features.length)
  })
}

/** What the wording and each statistic moved the win rate by. */
function reasonsOf(contributions: Float64Array, wording: number): Reason[] {
  const words = contributions.subarray(0, wording).reduce((sum, value) => sum + value, 0)
  const reasons: Reason[] = [{ kind: 'feature', name: 'wording', weight: words }]
  for (let j = wording; j < contributions.length; j++) {
    reasons.push({ kind: 'feature', name: statisticNames[j - wording]!, weight: contributions[j]! })
  }
  return reasons.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
}
