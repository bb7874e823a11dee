import { UsageError } from '../errors.ts'
import { fitBradleyTerry } from '../math/bradley_terry.ts'
import { pairWinRate, similarityWeights } from '../math/similarity_ratings.ts'
import { assignTiers } from '../math/tiers.ts'
import type { Checkpoint, Outcomes, Reason, Resources, Strategy } from '../types.ts'
import { type Battles, battlesOf } from './battles.ts'
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
  const tally = createTally(battles, tierOf)
  const rateOf = (weights: Float64Array) => pairWinRate(fitBradleyTerry(tally.wins(weights), tally.tiers), strong, weak)
  return {
    async winRate(prompts) {
      const winRates = new Float64Array(prompts.length)
      rows.scan(await space.vectors(prompts), (query, cosines) => {
        winRates[query] = rateOf(similarityWeights(cosines, sharpness))
      })
      return winRates
    },
    async explain(prompt) {
      const reasons: Reason[] = []
      rows.scan(await space.vectors([prompt]), (_, cosines) => {
        const weights = similarityWeights(cosines, sharpness)
        for (const [row, lead] of tally.leads(weights, strong, weak)) reasons.push(rows.reason(row, lead))
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
      battle_first: { shape: [count], data: battles.first },
      battle_second: { shape: [count], data: battles.second },
      battle_shares: { shape: [count], data: battles.shares },
    },
  }
}

/** Tiers by global ratings. */
function tiersOf({ models }: Outcomes, { first, second, shares }: Battles): Uint8Array {
  const wins = new Float64Array(models.length ** 2)
  for (const [i, share] of shares.entries()) {
    wins[first[i]! * models.length + second[i]!]! += share
    wins[second[i]! * models.length + first[i]!]! += 1 - share
  }
  return assignTiers(fitBradleyTerry(wins, models.length), TIERS)
}

function readBattles(checkpoint: Checkpoint, rowCount: number): Battles {
  const rows = tensorOf(checkpoint, 'battle_rows', Int32Array, [undefined])
  const first = tensorOf(checkpoint, 'battle_first', Uint16Array, [rows.length])
  const second = tensorOf(checkpoint, 'battle_second', Uint16Array, [rows.length])
  const models = checkpoint.metadata.models.length
  checkIndexes(checkpoint, 'battle_rows', rows, rowCount)
  checkIndexes(checkpoint, 'battle_first', first, models)
  checkIndexes(checkpoint, 'battle_second', second, models)
  return { rows, first, second, shares: tensorOf(checkpoint, 'battle_shares', Float32Array, [rows.length]) }
}

function createTally({ rows, first, second, shares }: Battles, tierOf: Uint8Array) {
  const tiers = Math.max(...tierOf) + 1
  const wins = new Float64Array(tiers * tiers)
  const forth = Int32Array.from(first, (model, i) => tierOf[model]! * tiers + tierOf[second[i]!]!)
  const back = Int32Array.from(first, (model, i) => tierOf[second[i]!]! * tiers + tierOf[model]!)
  return {
    tiers,
    /** Weighted wins of tier over tier, tiers × tiers: an array that the next call overwrites. */
    wins(weights: Float64Array): Float64Array {
      wins.fill(0)
      for (let i = 0; i < rows.length; i++) {
        const weight = weights[rows[i]!]!
        const won = weight * shares[i]!
        wins[forth[i]!]! += won
        wins[back[i]!]! += weight - won
      }
      return wins
    },
    /** By row, how far its battles between the two tiers pull their shares from one half. */
    leads(weights: Float64Array, strong: number, weak: number): Map<number, number> {
      const leads = new Map<number, number>()
      let total = 0
      for (let i = 0; i < rows.length; i++) {
        const side = forth[i] === strong * tiers + weak ? 1 : back[i] === strong * tiers + weak ? -1 : 0
        if (side === 0) continue
        const row = rows[i]!
        total += weights[row]!
        leads.set(row, (leads.get(row) ?? 0) + side * weights[row]! * (shares[i]! - 0.5))
      }
      for (const [row, lead] of leads) leads.set(row, lead / total)
      return leads
    },
  }
}
