import { UsageError } from '../errors.ts'
import {
  createPolicyBenchmark,
  type PolicyBenchmark,
  type PolicyMeasurement,
  type SweepMeasurement,
} from '../evaluation/policy_benchmark.ts'
import { runOracle, runRandom, runSingle } from '../evaluation/policy_run.ts'
import { type PolicyEvalOptions, type PolicyEvalPlan, planPolicyEvaluation } from '../io/policy_eval_plan.ts'

/** A policy, measured. */
export interface MeasuredPolicy extends PolicyMeasurement {
  readonly policy: string
  /** That it asked; absent where it asked none. */
  readonly strategy?: string
  /** Absent where it has no option that trades cost against quality, or costs are not known. */
  readonly sweep?: SweepMeasurement & { readonly option: string }
  /** How answers were used. */
  readonly plans: ReadonlySet<string>
}

/** All that is printed of one file, in whatever form. */
export interface PolicyReport {
  /** As it was named on the command line. */
  readonly file: string
  readonly plan: PolicyEvalPlan
  readonly seed: number
  readonly resamples: number
  readonly best: string
  readonly line: PolicyBenchmark['line']
  readonly costRange: PolicyBenchmark['costRange']
  readonly policies: readonly MeasuredPolicy[]
  /** By quality, the best first. */
  readonly singles: readonly PolicyMeasurement[]
  readonly random: PolicyMeasurement
  readonly oracle: PolicyMeasurement
}

/** Measures policies on one file. `onPolicy` is called before each. Throws UsageError where one has an answer for no prompt at all. */
export async function evaluatePolicies(
  file: string,
  options: PolicyEvalOptions,
  resamples: number,
  onPolicy?: (id: string) => void,
): Promise<PolicyReport> {
  const plan = await planPolicyEvaluation(file, options)
  const { test, requests, entrants } = plan
  const { seed } = options
  const benchmark = createPolicyBenchmark(test, { resamples, seed })
  const policies: MeasuredPolicy[] = []
  for (const { id, policy, strategy, run, sweep } of entrants) {
    onPolicy?.(id)
    const own = await run(test, requests)
    if (own.refusal !== undefined && own.refused === requests.length) {
      throw new UsageError(
        `${own.refusal} None of ${requests.length} prompts got a model, so there is nothing to measure.`,
      )
    }
    const values = sweep && test.costs ? await sweep.values(test, requests) : []
    const runs = []
    for (const value of values) runs.push(await sweep!.run(value, test, requests))
    const swept = runs.length > 0 ? benchmark.sweep(values, runs) : undefined
    policies.push({
      ...benchmark.measure(id, own),
      policy,
      ...(strategy === undefined ? {} : { strategy }),
      ...(swept ? { sweep: { option: sweep!.option, ...swept } } : {}),
      plans: own.plans,
    })
  }
  const singles = test.models.map(model => benchmark.measure(model, runSingle(model, test)))
  return {
    file,
    plan,
    seed,
    resamples,
    best: benchmark.best,
    line: benchmark.line,
    costRange: benchmark.costRange,
    policies,
    singles: singles.sort((a, b) => b.quality.value! - a.quality.value!),
    random: benchmark.measure('random', runRandom(test)),
    oracle: benchmark.measure('oracle', runOracle(test)),
  }
}
