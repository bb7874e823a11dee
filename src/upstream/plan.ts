import type { Decision } from '../types.ts'
import { askInTurn } from './cascade.ts'
import { keyOf } from './destination.ts'
import { askAll } from './ensemble.ts'
import { askedOf, callOf, type PlanAnswer, type PlannedRequest, type PlanParts } from './plan_types.ts'
import type { Attempt, Caller, Usage } from './upstream_types.ts'

/**
 * Carries out what was decided for a request: asks the one model (then its fallbacks), all of them and merges, or one after
 * another until an answer is accepted.
 * @throws CallError where there is no answer; UsageError, DataError where a model or a rule lacks something; the reason of the
 * signal.
 */
export async function carryOut(request: PlannedRequest, given: PlanParts): Promise<PlanAnswer> {
  const { decision, onText } = request
  const parts = { ...given, caller: metered(given.caller, request) }
  if (decision.plan === 'single') {
    const chosen = decision.models.map(parts.modelOf)
    const models = [...chosen, ...(parts.fallbacks ?? []).filter(({ id }) => !decision.models.includes(id))]
    const answer = await parts.caller.call({ ...askedOf(request), models, ...(onText ? { onText } : {}) })
    return { ...answer, calls: [callOf(answer, 'answer')] }
  }
  const judge = judgeOf(decision)
  // Before anybody is paid whose answer nobody could judge.
  if (judge !== undefined) keyOf(parts.modelOf(judge))
  const started = parts.now()
  const {
    answer,
    text = answer.text,
    calls,
    how,
  } = await (decision.plan === 'all' ? askAll : askInTurn)(request, parts)
  onText?.(text)
  const { cost: _, ...rest } = answer
  const costs = calls.flatMap(({ usage, cost }) => (usage ? [cost] : []))
  return {
    ...rest,
    text,
    usage: sumOf(calls.flatMap(({ usage }) => usage ?? [])),
    // What one of the calls cost is not known: nor is the sum.
    ...(costs.includes(undefined) ? {} : { cost: costs.reduce<number>((sum, cost) => sum + cost!, 0) }),
    latency: parts.now() - started,
    attempts: calls.flatMap(({ attempts }) => attempts),
    calls,
    how,
  }
}

/** Tells of every call, whoever makes it: for an answer, a sample or a judgement. */
function metered(caller: Caller, { onSpent, attempts }: PlannedRequest): Caller {
  if (!onSpent && !attempts) return caller
  const spending = onSpent ? { onSpent } : {}
  return {
    ...caller,
    async call(call) {
      const own: Attempt[] = []
      try {
        return await caller.call({ ...call, ...spending, attempts: own })
      } finally {
        attempts?.push(...own)
      }
    },
  }
}

/** The id of the model that judges the answers of a plan; undefined where none is needed. */
export function judgeOf({ plan, models, merge, accept }: Decision): string | undefined {
  if (models.length === 1) return undefined
  if (plan === 'all') return merge?.by === 'judge' || merge?.by === 'best_of_n' ? merge.judge : undefined
  return plan === 'until_accepted' && accept?.by === 'judge' ? accept.judge : undefined
}

function sumOf(usages: readonly Usage[]): Usage {
  const sum = (pick: (usage: Usage) => number) => usages.reduce((total, usage) => total + pick(usage), 0)
  const cached = sum(({ cachedInputTokens = 0 }) => cachedInputTokens)
  return {
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    ...(cached > 0 ? { cachedInputTokens: cached } : {}),
    isEstimated: usages.some(({ isEstimated }) => isEstimated),
  }
}
