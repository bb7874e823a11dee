import type { Forest } from '../math/forest.ts'
import { growForest } from '../math/forest_fit.ts'
import { detectLanguage } from '../text/language.ts'
import { wordingOf } from '../text/wording.ts'
import type { Checkpoint } from '../types.ts'
import {
  createFeatureReader,
  type FeatureChoice,
  type FeatureWeights,
  LEARNED_FEATURE_VERSION,
  widthOf,
} from './learned_features.ts'

/** Trees over all models, and for each at least. */
const TREES = 96
const LEAST_TREES = 10
/** Pieces of wording that become features: those that tell models apart best. */
const WORDING = 128
/** Prompts that must have a piece of wording, or be in a language, for it to become a feature. */
const LEAST_PROMPTS = 3
const LEAST_IN_LANGUAGE = 2
const MOST_LANGUAGES = 60
/** Prompts that the shares over all languages count as, in the shares of one. */
const DRAW = 2

/** Prompts, and for each the place of its model in `models`. */
export interface LabelledPrompts {
  readonly prompts: readonly string[]
  readonly labels: ArrayLike<number>
  readonly models: readonly string[]
}

/**
 * Grows a random forest for each model that predicts whether it is the one to choose; of two models one forest serves. Leaves
 * hold shares, so that predictions are probabilities. Deterministic for one seed.
 */
export function fitLearned(rows: LabelledPrompts, weights: FeatureWeights, seed: number): Checkpoint {
  const { prompts, labels, models } = rows
  const choice = { ...chooseLanguages(rows, weights), wording: chooseWording(rows) }
  const read = createFeatureReader(weights, choice)
  const width = widthOf(choice)
  const features = new Float32Array(prompts.length * width)
  for (const [i, prompt] of prompts.entries()) features.set(read(prompt).row, i * width)
  const forests = models.length === 2 ? 1 : models.length
  const trees = Math.max(LEAST_TREES, Math.round(TREES / forests))
  const grown = Array.from({ length: forests }, (_, model) => {
    const targets = Float64Array.from(labels, label => Number(label === model))
    const leastLeaf = prompts.length < 200 ? 1 : 2
    return growForest(features, width, targets, { trees, tried: triedOf(width), leastLeaf, seed: seed + model })
  })
  return {
    metadata: {
      strategy: 'learned',
      models,
      pair: { strong: models[0]!, weak: models[1]! },
      featureVersion: LEARNED_FEATURE_VERSION,
      trainedOn: [],
      date: '',
      seed,
      options: { trees, languages: choice.languages },
    },
    tensors: joined(grown, choice),
  }
}

/** Features that a split draws: more than the usual square root, since most pieces of wording are absent from most prompts. */
function triedOf(width: number): number {
  return Math.ceil(3 * Math.sqrt(width))
}

function joined(forests: readonly Forest[], { wording, languageShares }: FeatureChoice): Checkpoint['tensors'] {
  const nodes = forests.reduce((sum, { values }) => sum + values.length, 0)
  const trees = forests.reduce((sum, { roots }) => sum + roots.length, 0)
  const all = {
    roots: new Int32Array(trees),
    features: new Uint16Array(nodes),
    thresholds: new Float32Array(nodes),
    children: new Int32Array(nodes),
    values: new Float32Array(nodes),
  }
  let node = 0
  let tree = 0
  for (const { roots, features, thresholds, children, values } of forests) {
    const start = node
    all.roots.set(
      roots.map(root => root + start),
      tree,
    )
    all.features.set(features, node)
    all.thresholds.set(thresholds, node)
    all.children.set(
      children.map(child => child + start),
      node,
    )
    all.values.set(values, node)
    tree += roots.length
    node += values.length
  }
  const hashes = Int32Array.from(wording, hash => hash | 0)
  return {
    ...Object.fromEntries(Object.entries(all).map(([name, data]) => [name, { shape: [data.length], data }])),
    wording: { shape: [hashes.length], data: hashes },
    language_shares: { shape: [languageShares.length], data: languageShares },
  }
}

/** The languages that prompts are in, most frequent first, and what each speaks for. */
function chooseLanguages(
  { prompts, labels, models }: LabelledPrompts,
  { language }: FeatureWeights,
): Pick<FeatureChoice, 'languages' | 'languageShares'> {
  const width = models.length
  const counts = new Map<string, Float64Array>()
  const totals = new Float64Array(width)
  for (const [i, prompt] of prompts.entries()) {
    const found = detectLanguage(prompt, language)
    const own = counts.get(found) ?? new Float64Array(width)
    own[labels[i]!]!++
    totals[labels[i]!]!++
    counts.set(found, own)
  }
  const chosen = [...counts]
    .map(([found, own]) => ({ found, own, sum: own.reduce((sum, count) => sum + count, 0) }))
    .filter(({ sum }) => sum >= LEAST_IN_LANGUAGE)
    .sort((a, b) => b.sum - a.sum || (a.found < b.found ? -1 : 1))
    .slice(0, MOST_LANGUAGES)
  const priors = totals.map(total => total / prompts.length)
  const shares = chosen.flatMap(({ own, sum }) =>
    Array.from(own, (count, model) => (count + DRAW * priors[model]!) / (sum + DRAW)),
  )
  return {
    languages: chosen.map(({ found }) => found),
    languageShares: Float32Array.from([...shares, ...priors]),
  }
}

/** The pieces of wording whose presence tells most about the model, by Pearson's χ². */
function chooseWording({ prompts, labels, models }: LabelledPrompts): number[] {
  const counts = new Map<number, Float64Array>()
  const totals = new Float64Array(models.length)
  for (const [i, prompt] of prompts.entries()) {
    const label = labels[i]!
    totals[label]!++
    const { hashes, count } = wordingOf(prompt)
    for (const hash of new Set(hashes.subarray(0, count))) {
      const found = counts.get(hash) ?? new Float64Array(models.length)
      found[label]!++
      counts.set(hash, found)
    }
  }
  const scored = [...counts].flatMap(([hash, found]) => {
    const present = found.reduce((sum, count) => sum + count, 0)
    if (present < LEAST_PROMPTS || present === prompts.length) return []
    return [{ hash, score: chiSquare(found, totals, present / prompts.length) }]
  })
  return scored
    .sort((a, b) => b.score - a.score || a.hash - b.hash)
    .slice(0, WORDING)
    .map(({ hash }) => hash)
}

/** Of a table of two rows, present and absent, and a column per model. */
function chiSquare(present: Float64Array, totals: Float64Array, share: number): number {
  let sum = 0
  for (const [model, total] of totals.entries()) {
    const expected = total * share
    if (total === 0) continue
    const difference = (present[model]! - expected) ** 2
    sum += difference / expected + difference / (total - expected)
  }
  return sum
}
