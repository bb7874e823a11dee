import { UpstreamError } from '../errors.ts'
import type { MergeRule } from '../types.ts'
import { merge } from './merge.ts'
import { underAny } from './on_abort.ts'
import { planErrorOf } from './plan_failure.ts'
import {
  askedOf,
  failedCall,
  type PlanCall,
  type PlannedRequest,
  type PlanParts,
  type PlanResult,
} from './plan_types.ts'
import { LONGEST_TIMER } from './sleep.ts'
import type { Answer, CallError } from './upstream_types.ts'

/** Without a rule of its own. */
const RULE: MergeRule = { by: 'majority' }

/**
 * Asks all models of a decision at once and merges what comes before the deadline. Models that fail or come too late are left
 * out and named in `calls`, as long as `atLeast` answers are there.
 * @throws CallError where they are not; UsageError where a model has no endpoint; the reason of the signal.
 */
export async function askAll(request: PlannedRequest, parts: PlanParts): Promise<PlanResult> {
  const { decision, signal } = request
  const rule = decision.merge ?? RULE
  const late = new AbortController()
  const { deadline } = rule
  const timer =
    deadline === undefined ? undefined : setTimeout(() => late.abort(LATE), Math.min(deadline, LONGEST_TIMER))
  try {
    const outcomes = await underAny([signal, late.signal], stop =>
      Promise.allSettled(
        decision.models.map(async id =>
          parts.caller.call({ ...askedOf(request), models: [parts.modelOf(id)], signal: stop }),
        ),
      ),
    )
    signal?.throwIfAborted()
    const { answers, failed } = sort(outcomes, decision.models, rule)
    const least = rule.atLeast ?? 1
    if (answers.length < least) throw tooFew(answers.length, least, failed)
    const merged = await merge(rule, answers, request, parts)
    return { ...merged, calls: [...merged.calls, ...failed] }
  } finally {
    clearTimeout(timer)
  }
}

const LATE = new Error('deadline')

interface Sorted {
  readonly answers: readonly Answer[]
  readonly failed: readonly PlanCall[]
}

/** Answers and failures, each in the order of the plan. Throws what no other answer makes up for. */
function sort(outcomes: readonly PromiseSettledResult<Answer>[], models: readonly string[], rule: MergeRule): Sorted {
  const answers: Answer[] = []
  const failed: PlanCall[] = []
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') {
      answers.push(outcome.value)
      continue
    }
    const { reason } = outcome
    if (reason !== LATE && !(reason instanceof UpstreamError)) throw reason
    failed.push(reason === LATE ? lateCall(models[i]!, rule.deadline!) : failedCall(models[i]!, 'answer', reason))
  }
  return { answers, failed }
}

/** Its attempt was ended here, before it could say what came of it. */
function lateCall(model: string, deadline: number): PlanCall {
  const failure = `no answer in ${deadline} ms`
  return { model, purpose: 'answer', failure, attempts: [{ model, failure, category: 'timeout', latency: deadline }] }
}

function tooFew(answers: number, least: number, failed: readonly PlanCall[]): CallError {
  const expected = `ensemble: expected ${least} ${least === 1 ? 'answer' : 'answers'} or more, got ${answers}`
  return planErrorOf(expected, failed)
}
