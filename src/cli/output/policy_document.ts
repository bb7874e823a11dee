import type { PolicyMeasurement } from '../../evaluation/policy_benchmark.ts'
import type { PolicyReport } from '../policy_eval_run.ts'
import { policyVerdicts } from './policy_report.ts'

/** The document that `eval --policy --json` prints. */
export function policyDocument(report: PolicyReport) {
  const { file, plan, seed, resamples, best, line, costRange, policies, singles, random, oracle } = report
  return {
    version: 1,
    file,
    rows: plan.rows,
    tested: plan.test.rows,
    seen: plan.seen,
    skipped: plan.skipped,
    seed,
    resamples,
    models: plan.test.models,
    pair: plan.pair,
    best,
    costRange: costRange ?? null,
    line: line ?? null,
    policies: policies.map(({ policy, strategy, sweep, plans: _, ...measured }) => ({
      policy,
      strategy: strategy ?? null,
      ...figuresOf(measured),
      sweep: sweep ?? null,
    })),
    singles: singles.map(figuresOf),
    random: figuresOf(random),
    oracle: figuresOf(oracle),
    methods: plan.methods,
    notes: policyVerdicts(report),
  }
}

function figuresOf({
  id,
  quality,
  costPer1000,
  routerArena,
  minusBest,
  minusLine,
  shares,
  refused,
}: PolicyMeasurement) {
  return { id, quality, costPer1000, routerArena, minusBest, minusLine, shares, refused }
}
