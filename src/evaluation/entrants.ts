import type { Outcomes, Resources, Strategy, StrategyModule } from '../types.ts'
import type { Draw } from './draws.ts'
import { pick } from './outcomes.ts'

/** Seeds over which `random` is averaged: one alone is off by as much as strategies differ. */
const RANDOM_SEEDS = 10

/** Something that ranks prompts and is to be measured. */
export interface Entrant {
  readonly id: string
  /** Whether it is fitted for each fit of a draw. */
  readonly isFitted?: boolean
  /** One array or more (several seeds), each with one win rate a row of the draw. `onFit` is called after each fit. */
  winRates(outcomes: Outcomes, draw: Draw, onFit?: () => void | Promise<void>): Promise<readonly Float64Array[]>
}

/** Fits a strategy on `train` and scores prompts with it: one win rate per prompt. Calls may overlap. */
export type FitAndScore = (train: Outcomes, prompts: readonly string[]) => Promise<Float64Array>

/** A strategy that is ready: it has its weights, or needs none. */
export function fixedEntrant(id: string, strategy: Strategy): Entrant {
  return { id, winRates: async (outcomes, { rows }) => [await strategy.winRate(promptsOf(outcomes, rows))] }
}

/** A strategy that is fitted anew for each fit of the draw. */
export function trainedEntrant(id: string, fitAndScore: FitAndScore): Entrant {
  return {
    id,
    isFitted: true,
    async winRates(outcomes, { rows, fits }, onFit) {
      const winRates = new Float64Array(outcomes.prompts.length)
      await Promise.all(
        fits.map(async ({ train, test }) => {
          const rates = await fitAndScore(train(), promptsOf(outcomes, test))
          for (const [i, row] of test.entries()) winRates[row] = rates[i]!
          await onFit?.()
        }),
      )
      return [pick(winRates, rows)]
    },
  }
}

/** The strategy `random` under several seeds. */
export function randomEntrant(module: StrategyModule, resources: Resources): Entrant {
  return {
    id: 'random',
    async winRates(outcomes, { rows }) {
      const prompts = promptsOf(outcomes, rows)
      const seeds = Array.from({ length: RANDOM_SEEDS }, (_, i) => resources.seed * RANDOM_SEEDS + i)
      const strategies = await Promise.all(seeds.map(seed => module.create({ ...resources, seed })))
      return Promise.all(strategies.map(strategy => strategy.winRate(prompts)))
    },
  }
}

/** Win rates that the file holds already. */
export function columnEntrant(id: string, values: Float64Array): Entrant {
  return { id, winRates: async (_, { rows }) => [pick(values, rows)] }
}

/** A router that knows the outcomes: it ranks prompts by what strong really adds, ½ + ½·(strong − weak). */
export const oracleEntrant: Entrant = {
  id: 'oracle',
  winRates: async ({ strong, weak }, { rows }) => [
    Float64Array.from(rows, row => 0.5 + (strong[row]! - weak[row]!) / 2),
  ],
}

function promptsOf({ prompts }: Outcomes, rows: Int32Array): string[] {
  return Array.from(rows, row => prompts[row]!)
}
