import { UpstreamError, UsageError } from '../errors.ts'
import { tryCost } from '../policies/try_cost.ts'
import type { AcceptRule } from '../types.ts'
import { required, type Tried, tryModel } from './accept.ts'
import { planErrorOf } from './plan_failure.ts'
import {
  askedOf,
  callOf,
  failedCall,
  type PlanCall,
  type PlannedRequest,
  type PlanParts,
  type PlanResult,
} from './plan_types.ts'
import { type Answer, CallError } from './upstream_types.ts'

/**
 * Asks the models of a decision in order until an answer is good enough (Chen, Zaharia & Zou 2023, FrugalGPT). The last one's
 * answer is taken as it is, since nobody is left to ask. A try whose expected cost would pass `maxCost`, with what was spent
 * before, is not begun; then the best answer so far is taken. A model that fails is passed over.
 * @throws CallError where no model gave an answer, or the budget allows no try; UsageError where the rule lacks something; the
 * reason of the signal.
 */
export async function askInTurn(request: PlannedRequest, parts: PlanParts): Promise<PlanResult> {
  const { models, accept } = request.decision
  if (!accept) throw new UsageError('cascade: expected a rule by which answers are accepted, got none.')
  const calls: PlanCall[] = []
  let best: Tried | undefined
  for (const [i, id] of models.entries()) {
    request.signal?.throwIfAborted()
    const model = parts.modelOf(id)
    const isLast = i === models.length - 1
    const predict = () =>
      tryCost(accept, isLast, parts.predictCost(model, request.body), () =>
        parts.predictCost(parts.modelOf(required(accept, 'judge')), request.body),
      )
    const tooDear = overBudget(accept, calls, predict)
    if (tooDear !== undefined) {
      calls.push(failedCall(id, 'answer', new Error(tooDear)))
      continue
    }
    try {
      const tried = isLast
        ? unscored(await parts.caller.call({ ...askedOf(request), models: [model] }))
        : await tryModel(model, accept, request, parts)
      calls.push(...tried.calls)
      if (isLast) return { answer: tried.answer, calls, how: `the last of ${models.length}` }
      if (tried.score >= accept.threshold) {
        return { answer: tried.answer, calls, how: `accepted at ${shown(tried.score)}, ${i + 1} of ${models.length}` }
      }
      if (!best || !(tried.score <= best.score)) best = tried
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      calls.push(failedCall(id, 'answer', error))
    }
  }
  if (best) return { answer: best.answer, calls, how: `not accepted at ${shown(best.score)}, the best there is` }
  throw none(calls, accept)
}

/** Why a try is not begun, as a phrase. */
function overBudget(
  { maxCost }: AcceptRule,
  calls: readonly PlanCall[],
  predict: () => number | undefined,
): string | undefined {
  if (maxCost === undefined) return undefined
  const predicted = predict()
  if (predicted === undefined) return 'cost not known, so that it cannot be shown to stay within max_cost'
  const spent = calls.reduce((sum, { cost = 0 }) => sum + cost, 0)
  if (spent + predicted <= maxCost) return undefined
  return `expected $${shown(predicted)} after $${shown(spent)}, over max_cost $${shown(maxCost)}`
}

function unscored(answer: Answer): Tried {
  return { answer, score: Number.NaN, calls: [callOf(answer, 'answer')] }
}

function none(calls: readonly PlanCall[], { maxCost }: AcceptRule): CallError {
  if (maxCost === undefined || calls.some(({ attempts }) => attempts.length > 0)) {
    return planErrorOf('cascade: expected an answer of one model, got none', calls)
  }
  const reasons = calls.map(({ model, failure }) => `${model}: ${failure}`).join('; ')
  const message = `cascade: expected max_cost to allow one try, got $${maxCost}: ${reasons}. Raise max_cost.`
  // Nothing was sent, and no other model will change that.
  return new CallError(message, { attempts: [], told: message, isAccountRefused: false, isRequestRefused: true })
}

function shown(value: number): string {
  return Number.isNaN(value) ? 'no score' : String(Number(value.toPrecision(3)))
}
