import { UsageError } from '../errors.ts'
import type { Checkpoint, Outcomes, Reason, Resources, Strategy } from '../types.ts'
import { checkOrigin, fittedMetadata, modelIndex, numberOption, pairIndexes, tensorOf } from './checkpoint_parts.ts'
import { nearest, SHRINKAGE, smoothed } from './neighbours.ts'
import { createPromptSpace, FEATURE_VERSION, fitPromptSpace } from './prompt_space.ts'
import { chooseShrinkage, createScoreParts, type ScoreParts, within01 } from './score_parts.ts'
import { addedScores, sourceShifts } from './source_shifts.ts'
import { readRows, rowTensors, strongestReasons } from './training_rows.ts'

/** k = 5 · √rows ranks best on sets of 700 to 8,000 rows. */
const NEIGHBOURS_PER_ROOT = 5
/** What tells models apart is drawn to nothing by as much; weights without it were made before it was told apart. */
const SHRINKAGE_OPTION = 'shrinkage'
/** Scores are kept in 200ths; 255 says that a score is not known. */
const SCORE_STEPS = 200
const UNKNOWN = 255

/** winRate = ½ + ½ · mean of strong − weak over the k nearest training prompts, weighted by how much nearer than the k-th. */
export async function create(resources: Resources): Promise<Strategy> {
  const checkpoint = await resources.checkpoint()
  const embedder = await resources.embedder()
  checkOrigin(checkpoint, 'knn', FEATURE_VERSION, embedder)
  const space = createPromptSpace(checkpoint, embedder)
  const rows = readRows(checkpoint, space.dimensions)
  const models = checkpoint.metadata.models.length
  const scores = tensorOf(checkpoint, 'scores', Uint8Array, [rows.count, models])
  const added = addedFor(checkpoint, resources.pair, scores, rows.count)
  const k = Math.max(1, Math.min(rows.count, numberOption(checkpoint, 'k')))
  let parts: ScoreParts | undefined
  const shrinkage = Object.hasOwn(checkpoint.metadata.options, SHRINKAGE_OPTION)
    ? numberOption(checkpoint, SHRINKAGE_OPTION)
    : SHRINKAGE
  const meanAdded = meanKnown(added)
  return {
    async winRate(prompts) {
      const winRates = new Float64Array(prompts.length)
      rows.scan(await space.vectors(prompts), (query, cosines) => {
        winRates[query] = 0.5 + smoothed(nearest(cosines, k), row => added[row]!, meanAdded) / 2
      })
      return winRates
    },
    async quality(prompts, asked) {
      const indexes = asked.map(id => modelIndex(checkpoint, id))
      parts ??= createScoreParts(Float64Array.from(scores, scoreOf), models)
      const { levels, ease, own } = parts
      const qualities = new Float64Array(prompts.length * asked.length)
      rows.scan(await space.vectors(prompts), (query, cosines) => {
        const neighbours = nearest(cosines, k)
        const apart = levels.map(
          (level, m) => level + smoothed(neighbours, row => own[row * models + m]!, 0, shrinkage),
        )
        const common = smoothed(neighbours, row => ease[row]!, 0)
        const found = within01(apart, common)
        for (const [column, m] of indexes.entries()) qualities[query * asked.length + column] = found[m]!
      })
      return qualities
    },
    async explain(prompt) {
      const reasons: Reason[] = []
      rows.scan(await space.vectors([prompt]), (_, cosines) => {
        const { rows: found, weights } = nearest(cosines, k)
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        for (const [i, row] of found.entries()) {
          if (!Number.isNaN(added[row]!)) reasons.push(rows.reason(row, ((weights[i]! / total) * added[row]!) / 2))
        }
      })
      return strongestReasons(reasons)
    },
  }
}

/** Keeps every row whose pair was measured. */
export async function fit(outcomes: Outcomes, resources: Resources): Promise<Checkpoint> {
  const allAdded = addedScores(outcomes)
  const kept = Array.from(outcomes.prompts.keys()).filter(row => !Number.isNaN(allAdded[row]!))
  if (kept.length === 0) {
    throw new UsageError(
      'knn: expected rows in which both models of the pair were measured, got none. Name another pair.',
    )
  }
  const prompts = kept.map(row => outcomes.prompts[row]!)
  const embedder = await resources.embedder()
  const { tensors, vectors, space } = await fitPromptSpace(prompts, embedder)
  const shifts = sourceShifts(outcomes)
  const models = outcomes.models.length
  const ids = kept.map(row => outcomes.ids[row]!)
  const categories = kept.map(row => outcomes.categories[row]!)
  const k = Math.min(kept.length, Math.round(NEIGHBOURS_PER_ROOT * Math.sqrt(kept.length)))
  const remembered = rowTensors({ ids, categories, prompts }, vectors, space.dimensions, resources.keepPrompts ?? false)
  const scores = Float64Array.from(
    kept.flatMap(row => Array.from(outcomes.scores.subarray(row * models, (row + 1) * models))),
  )
  const shrinkage = chooseShrinkage(
    createScoreParts(scores, models),
    models,
    vectors,
    space.dimensions,
    k,
    resources.seed,
  )
  return {
    metadata: fittedMetadata('knn', FEATURE_VERSION, outcomes, embedder, resources.seed, {
      k,
      [SHRINKAGE_OPTION]: shrinkage,
    }),
    tensors: {
      ...tensors,
      ...remembered,
      added: {
        shape: [kept.length],
        data: Float32Array.from(kept, row => allAdded[row]! - shifts[outcomes.source[row]!]!),
      },
      scores: { shape: [kept.length, models], data: packScores(outcomes, kept) },
    },
  }
}

function packScores({ scores, models }: Outcomes, kept: readonly number[]): Uint8Array {
  const packed = new Uint8Array(kept.length * models.length)
  for (const [i, row] of kept.entries()) {
    for (let m = 0; m < models.length; m++) {
      const score = scores[row * models.length + m]!
      packed[i * models.length + m] = Number.isNaN(score) ? UNKNOWN : Math.round(score * SCORE_STEPS)
    }
  }
  return packed
}

function scoreOf(packed: number): number {
  return packed === UNKNOWN ? Number.NaN : packed / SCORE_STEPS
}

/** What strong added on each row: as fitted for the checkpoint's own pair, by the scores for another one. */
function addedFor(checkpoint: Checkpoint, asked: Resources['pair'], scores: Uint8Array, count: number): Float32Array {
  const fitted = tensorOf(checkpoint, 'added', Float32Array, [count])
  const { models, pair } = checkpoint.metadata
  const { strong, weak } = pairIndexes(checkpoint, asked)
  if (models[strong] === pair.strong && models[weak] === pair.weak) return fitted
  const at = (row: number, m: number) => scoreOf(scores[row * models.length + m]!)
  return fitted.map((_, row) => at(row, strong) - at(row, weak))
}

/** Mean of the values that are not NaN. */
function meanKnown(values: Float32Array): number {
  const known = values.filter(value => !Number.isNaN(value))
  return known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length
}
