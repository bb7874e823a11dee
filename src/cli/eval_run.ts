import type { Measurement, PairQuality } from '../evaluation/benchmark.ts'
import { testSetOf } from '../evaluation/draws.ts'
import { evaluate, evaluateByCategory } from '../evaluation/evaluate.ts'
import type { ScoredSet } from '../evaluation/mean_over_sets.ts'
import type { EvalOptions, EvalPlan } from '../io/eval_plan.ts'

/** One table: one train size, or the only one. */
export interface EvalStage {
  readonly trainSize: number | undefined
  readonly quality: PairQuality
  readonly strategies: readonly Measurement[]
  /** What was measured, for means over several files. */
  readonly scored: ScoredSet
  readonly byCategory?: readonly (Pick<EvalStage, 'quality' | 'strategies'> & {
    readonly category: string
    readonly rows: number
  })[]
}

/** All that is printed, in whatever form. */
export interface EvalReport {
  /** As it was named on the command line. */
  readonly file: string
  readonly plan: EvalPlan
  readonly options: EvalOptions
  readonly resamples: number
  /** In words: how strategies were trained and tested. */
  readonly method: (trainSize: number | undefined) => string
  readonly stages: readonly EvalStage[]
  readonly notes: readonly string[]
}

/** Follows one stage while it is measured. */
export interface StageWatcher {
  onFit(done: number, total: number): void | Promise<void>
  onMeasured(measurement: Measurement): void | Promise<void>
  stop(): void
}

/** Measures all stages of a plan, each under its own watcher. Nothing of it runs on after a failure. */
export async function runStages(
  plan: EvalPlan,
  settings: { readonly resamples: number; readonly seed: number; readonly isByCategory: boolean },
  watch: (stage: number) => Promise<StageWatcher>,
): Promise<EvalStage[]> {
  const { outcomes, entrants } = plan
  const { resamples, seed, isByCategory } = settings
  const stages: EvalStage[] = []
  for (const [s, { trainSize, draws }] of plan.stages.entries()) {
    const watcher = await watch(s)
    try {
      const { onFit, onMeasured } = watcher
      const evaluation = await evaluate(outcomes, draws, entrants, { resamples, seed, onFit, onMeasured })
      const { quality, strategies } = evaluation
      const cuts = isByCategory ? evaluateByCategory(outcomes, draws, evaluation, { resamples, seed }) : undefined
      const byCategory = cuts?.map(({ category, rows, evaluation: cut }) => ({ category, rows, ...cut }))
      const scored = { tests: draws.map(draw => testSetOf(outcomes, draw)), winRates: evaluation.winRates }
      stages.push({ trainSize, quality, strategies, scored, ...(byCategory ? { byCategory } : {}) })
    } catch (error) {
      await plan.close()
      throw error
    } finally {
      watcher.stop()
    }
  }
  return stages
}
