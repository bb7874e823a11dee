import { UsageError } from '../errors.ts'
import { fitBradleyTerry, sumWins } from '../math/bradley_terry.ts'
import { pairWinRate, similarityWeights } from '../math/similarity_ratings.ts'
import { assignTiers } from '../math/tiers.ts'
import type { Checkpoint, Outcomes, Reason, Resources, Strategy } from '../types.ts'
import { battlesOf, type PromptBattles } from './battles.ts'
import { checkIndexes, checkOrigin, fittedMetadata, numberOption, pairIndexes, tensorOf } from './checkpoint_parts.ts'
import { createPromptSpace, FEATURE_VERSION, fitPromptSpace } from './prompt_space.ts'
import { readRows, rowTensors, strongestReasons } from './training_rows.ts'

const TIERS = 10
/** RouteLLM's is 1; 2 ranks better where similarities are taken about their mean. */
const SHARPNESS = 2
/** In files of many models; a row of two has one. */
const BATTLES_PER_ROW = 6

/**
 * Bradley-Terry ratings of tiers of models, fitted anew for each prompt on battles weighted by similarity, as RouteLLM's
 * `sw_ranking`. The fit needs only the wins of tier over tier, so the scan over the rows is the whole cost.
 */
export async function create(resources: Resources): Promise<Strategy> {
  const checkpoint = await resources.checkpoint()
  const embedder = await resources.embedder()
  checkOrigin(checkpoint, 'sw_ranking', FEATURE_VERSION, embedder)
  const space = createPromptSpace(checkpoint, embedder)
  const rows = readRows(checkpoint, space.dimensions)
  const sharpness = numberOption(checkpoint, 'sharpness')
  const pair = pairIndexes(checkpoint, resources.pair)
  const tierOf = tensorOf(checkpoint, 'tiers', Uint8Array, [checkpoint.metadata.models.length]).slice()
  // In one tier the two would be equals on every prompt: the strong one gets a tier of its own.
  if (tierOf[pair.strong] === tierOf[pair.weak]) tierOf[pair.strong] = Math.max(...tierOf) + 1
  const [strong, weak] = [tierOf[pair.strong]!, tierOf[pair.weak]!]
  const battles = readBattles(checkpoint, rows.count)
  const inTiers = { ...battles, a: battles.a.map(model => tierOf[model]!), b: battles.b.map(model => tierOf[model]!) }
  const tiers = Math.max(...tierOf) + 1
  const weigh = (cosines: Float32Array) => {
    const ofRows = similarityWeights(cosines, sharpness)
    const weights = new Float64Array(battles.rows.length)
    // A loop: `Float64Array.from` with a function takes as long as the scan.
    for (let i = 0; i < weights.length; i++) weights[i] = ofRows[battles.rows[i]!]!
    return weights
  }
  return {
    async winRate(prompts) {
      const winRates = new Float64Array(prompts.length)
      rows.scan(await space.vectors(prompts), (query, cosines) => {
        const wins = sumWins(inTiers, tiers, weigh(cosines))
        winRates[query] = pairWinRate(fitBradleyTerry(wins, tiers), strong, weak)
      })
      return winRates
    },
    async explain(prompt) {
      const reasons: Reason[] = []
      rows.scan(await space.vectors([prompt]), (_, cosines) => {
        for (const [row, lead] of leadsOf(inTiers, weigh(cosines), strong, weak)) reasons.push(rows.reason(row, lead))
      })
      return strongestReasons(reasons)
    },
  }
}

/** Keeps every row in which two models are known. */
export async function fit(outcomes: Outcomes, resources: Resources): Promise<Checkpoint> {
  const battles = battlesOf(outcomes, BATTLES_PER_ROW, resources.seed)
  if (battles.rows.length === 0) {
    throw new UsageError('sw_ranking: expected rows in which two models were measured, got none.')
  }
  const kept = [...new Set(battles.rows)]
  const places = new Map(kept.map((row, place) => [row, place]))
  const prompts = kept.map(row => outcomes.prompts[row]!)
  const ids = kept.map(row => outcomes.ids[row]!)
  const categories = kept.map(row => outcomes.categories[row]!)
  const embedder = await resources.embedder()
  const { tensors, vectors, space } = await fitPromptSpace(prompts, embedder)
  const count = battles.rows.length
  return {
    metadata: fittedMetadata('sw_ranking', FEATURE_VERSION, outcomes, embedder, resources.seed, {
      sharpness: SHARPNESS,
    }),
    tensors: {
      ...tensors,
      ...rowTensors({ ids, categories, prompts }, vectors, space.dimensions, resources.keepPrompts ?? false),
      tiers: { shape: [outcomes.models.length], data: tiersOf(outcomes, battles) },
      battle_rows: { shape: [count], data: battles.rows.map(row => places.get(row)!) },
      battle_a: { shape: [count], data: battles.a },
      battle_b: { shape: [count], data: battles.b },
      battle_score: { shape: [count], data: battles.score },
    },
  }
}

/** Tiers by global ratings. */
function tiersOf({ models }: Outcomes, battles: PromptBattles): Uint8Array {
  return assignTiers(fitBradleyTerry(sumWins(battles, models.length), models.length), TIERS)
}

function readBattles(checkpoint: Checkpoint, rowCount: number): PromptBattles {
  const rows = tensorOf(checkpoint, 'battle_rows', Int32Array, [undefined])
  const a = tensorOf(checkpoint, 'battle_a', Uint16Array, [rows.length])
  const b = tensorOf(checkpoint, 'battle_b', Uint16Array, [rows.length])
  const score = tensorOf(checkpoint, 'battle_score', Float32Array, [rows.length])
  checkIndexes(checkpoint, 'battle_rows', rows, rowCount)
  checkIndexes(checkpoint, 'battle_a', a, checkpoint.metadata.models.length)
  checkIndexes(checkpoint, 'battle_b', b, checkpoint.metadata.models.length)
  return { rows, a, b, score }
}

/** By row, how far its battles between the tiers of the pair pull the strong one's share of all such wins from one half. */
function leadsOf(
  { rows, a, b, score }: PromptBattles,
  weights: Float64Array,
  strong: number,
  weak: number,
): Map<number, number> {
  const leads = new Map<number, number>()
  let total = 0
  for (let i = 0; i < rows.length; i++) {
    const side = a[i] === strong && b[i] === weak ? 1 : a[i] === weak && b[i] === strong ? -1 : 0
    if (side === 0) continue
    total += weights[i]!
    leads.set(rows[i]!, (leads.get(rows[i]!) ?? 0) + side * weights[i]! * (score[i]! - 0.5))
  }
  for (const [row, lead] of leads) leads.set(row, lead / total)
  return leads
}
