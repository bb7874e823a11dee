import { predictedCost } from '../policies/predicted_cost.ts'
import { isStrong } from '../policies/threshold.ts'
import type { Decision, Model } from '../types.ts'
import type { LoggedDecision } from './logged_decision.ts'

/** A request of a log, and what another policy decides for it; undefined where it has no model for it. */
export interface Replayed {
  readonly logged: LoggedDecision
  readonly decision: Pick<Decision, 'models' | 'plan'> | undefined
}

/** Where requests went, or would have. */
export interface ReplaySide {
  /** Share of the requests by first model, 0..1. */
  readonly shares: Readonly<Record<string, number>>
  /** Predicted US dollars of all requests, by one rule for both sides; null where a price or a length is not known. */
  readonly cost: number | null
}

/** What another policy would have done with the same traffic, against what was done. */
export interface ReplayComparison {
  readonly requests: number
  readonly was: ReplaySide & {
    /** Measured US dollars of the requests that were answered; null where none was, or a price is not known. */
    readonly paid: number | null
    readonly answered: number
  }
  readonly would: ReplaySide
  /** Requests that would go to another model first. */
  readonly changed: number
  /** Requests that would be refused. */
  readonly refused: number
}

/**
 * Compares. Dollars are predicted from the tokens of the prompt and the mean tokens of each model's answers: those of the log,
 * else configured ones. Of models in order until one is good enough only the first counts, on both sides.
 * @param models with their prices.
 */
export function compareReplay(replayed: readonly Replayed[], models: readonly Model[]): ReplayComparison {
  const logged = replayed.map(request => request.logged)
  const priced = withMeasuredLengths(models, logged)
  const costs = logged.flatMap(({ answer }) => (answer ? [answer.cost ?? Number.NaN] : []))
  const known = replayed.filter(request => request.decision !== undefined)
  return {
    requests: replayed.length,
    was: {
      ...sideOf(
        replayed.map(request => ({ logged: request.logged, decision: request.logged })),
        priced,
      ),
      paid: costs.length > 0 ? sumOf(costs) : null,
      answered: costs.length,
    },
    would: sideOf(replayed, priced),
    changed: known.filter(request => request.decision!.models[0] !== request.logged.models[0]).length,
    refused: replayed.length - known.length,
  }
}

/**
 * The same traffic under another threshold, by the win rates that were logged.
 * @returns undefined where the decision was not made by one.
 */
export function atThreshold(logged: LoggedDecision, threshold: number): Decision | undefined {
  const pair = loggedPair(logged)
  if (!pair || logged.winRate === undefined) return undefined
  const model = isStrong(logged.winRate, threshold) ? pair.strong : pair.weak
  return { model, models: [model], plan: 'single', policy: 'threshold', winRate: logged.winRate, threshold }
}

/** The pair that a logged decision of policy `threshold` chose from. */
export function loggedPair({
  model,
  winRate,
  threshold,
  alternatives = [],
}: LoggedDecision): { readonly strong: string; readonly weak: string } | undefined {
  const other = alternatives[0]?.model
  if (winRate === undefined || threshold === undefined || other === undefined) return undefined
  return isStrong(winRate, Number(threshold)) ? { strong: model, weak: other } : { strong: other, weak: model }
}

/** The model whose answer a request got: another than was chosen where that one failed. */
export function answeredBy({ answer, models }: LoggedDecision): string {
  return answer?.model ?? models[0]!
}

/** Ids of all models that a log tells of, in the order of their appearance. */
export function loggedModels(logged: readonly LoggedDecision[]): string[] {
  return [
    ...new Set(
      logged.flatMap(({ models, alternatives = [] }) => [...models, ...alternatives.map(({ model }) => model)]),
    ),
  ]
}

/** Mean latency by model of the answers in a log, in milliseconds. */
export function loggedLatencies(logged: readonly LoggedDecision[]): Map<string, number> {
  return meansBy(logged, answer => answer.latency)
}

function withMeasuredLengths(models: readonly Model[], logged: readonly LoggedDecision[]): ReadonlyMap<string, Model> {
  const lengths = meansBy(logged, answer => answer.outputTokens)
  return new Map(
    models.map(model => {
      const outputTokens = lengths.get(model.id)
      return [model.id, outputTokens === undefined ? model : { ...model, outputTokens }]
    }),
  )
}

function meansBy(
  logged: readonly LoggedDecision[],
  figure: (answer: NonNullable<LoggedDecision['answer']>) => number | undefined,
): Map<string, number> {
  const sums = new Map<string, { count: number; sum: number }>()
  for (const { answer } of logged) {
    const value = answer && figure(answer)
    if (!answer || value === undefined) continue
    const known = sums.get(answer.model) ?? { count: 0, sum: 0 }
    sums.set(answer.model, { count: known.count + 1, sum: known.sum + value })
  }
  return new Map(Array.from(sums, ([model, { count, sum }]) => [model, sum / count]))
}

function sideOf(replayed: readonly Replayed[], priced: ReadonlyMap<string, Model>): ReplaySide {
  const counts = new Map<string, number>()
  const costs: number[] = []
  for (const { logged, decision } of replayed) {
    if (!decision) continue
    const [first] = decision.models
    counts.set(first!, (counts.get(first!) ?? 0) + 1)
    const called = decision.plan === 'all' ? decision.models : [first!]
    costs.push(sumOf(called.map(id => costOf(id, logged, priced))) ?? Number.NaN)
  }
  return {
    shares: Object.fromEntries(
      Array.from(counts, ([model, count]): [string, number] => [model, count / replayed.length]).sort(
        ([, a], [, b]) => b - a,
      ),
    ),
    cost: sumOf(costs),
  }
}

function costOf(id: string, { inputTokens, needs }: LoggedDecision, priced: ReadonlyMap<string, Model>): number {
  const asked = { ...needs, ...(inputTokens === undefined ? {} : { inputTokens }) }
  return predictedCost(priced.get(id) ?? { id }, asked) ?? Number.NaN
}

/** Null where one of them is not known. */
function sumOf(values: readonly number[]): number | null {
  const sum = values.reduce((total, value) => total + value, 0)
  return Number.isNaN(sum) ? null : sum
}
