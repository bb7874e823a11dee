import { UpstreamError, UsageError } from '../errors.ts'
import type { MergeRule } from '../types.ts'
import { type Judge, pickBest, rate } from './judge.ts'
import {
  callOf,
  failedCall,
  type PlanCall,
  type PlannedRequest,
  type PlanParts,
  type PlanResult,
} from './plan_types.ts'
import { gistOf, saidOf } from './said.ts'
import type { Answer } from './upstream_types.ts'

/**
 * Makes one answer of several.
 * - `majority`: the most frequent by `finalAnswer`, or by the tools that are called; of the groups that are as frequent, the one with the earliest answer. The
 *   text is that of the earliest in the group.
 * - `judge`: the one that a model picks, which sees all at once.
 * - `best_of_n`: the one that a model rates highest, which sees one at a time; of equal ones the earliest.
 * - `concatenate`: all, each under the name of its model.
 * Where a judge fails or says nothing that can be read, it is the majority, and `how` says so.
 * @param answers at least one, in the order of the plan.
 * @throws UsageError where a judge is needed and none is named, or it has no endpoint.
 */
export async function merge(
  rule: MergeRule,
  answers: readonly Answer[],
  { prompt, headers, signal }: Pick<PlannedRequest, 'prompt' | 'headers' | 'signal'>,
  { caller, modelOf }: Pick<PlanParts, 'caller' | 'modelOf'>,
): Promise<PlanResult> {
  const { by } = rule
  if (by === 'majority' || answers.length === 1) return majority(answers)
  if (by === 'concatenate') return concatenation(answers)
  const judge = { caller, model: modelOf(requireJudge(rule)), headers, signal }
  return by === 'judge' ? pickedByJudge(judge, prompt, answers) : bestRated(judge, prompt, answers)
}

/** The largest group of answers that come to the same; of equal ones the one with the earliest answer. Indexes, ascending. */
export function largestGroup(answers: readonly Pick<Answer, 'text' | 'body'>[]): number[] {
  const groups = new Map<string, number[]>()
  for (const [i, answer] of answers.entries()) {
    const gist = gistOf(answer)
    groups.set(gist, [...(groups.get(gist) ?? []), i])
  }
  // Groups stand in the order of their first answers, and only a larger one takes the place.
  return [...groups.values()].reduce((largest, group) => (group.length > largest.length ? group : largest))
}

function majority(answers: readonly Answer[]): PlanResult {
  const group = largestGroup(answers)
  return {
    answer: answers[group[0]!]!,
    calls: answers.map(answer => callOf(answer, 'answer')),
    how: answers.length === 1 ? 'the only answer' : `majority, ${group.length} of ${answers.length}`,
  }
}

function concatenation(answers: readonly Answer[]): PlanResult {
  return {
    answer: answers[0]!,
    text: answers.map(answer => `## ${answer.model}\n\n${saidOf(answer)}`).join('\n\n'),
    calls: answers.map(answer => callOf(answer, 'answer')),
    how: `all ${answers.length}, one after another`,
  }
}

async function pickedByJudge(judge: Judge, prompt: string, answers: readonly Answer[]): Promise<PlanResult> {
  const texts = answers.map(saidOf)
  const asked = await heard(judge, pickBest(judge, prompt, texts))
  const most = majority(answers)
  const calls = [...most.calls, ...asked.calls]
  if (asked.verdict === undefined) return { ...most, calls, how: `${most.how}, since the judge gave no verdict` }
  return { answer: answers[asked.verdict]!, calls, how: `picked by ${judge.model.id} of ${answers.length}` }
}

async function bestRated(judge: Judge, prompt: string, answers: readonly Answer[]): Promise<PlanResult> {
  // All are waited for, since each may be paid: none is to end after the plan has.
  const asked = await Promise.allSettled(answers.map(answer => heard(judge, rate(judge, prompt, saidOf(answer)))))
  const ratings = asked.map(outcome => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
  const scores = ratings.map(({ verdict }) => verdict ?? Number.NaN)
  const best = scores.reduce(
    (best, score, i) => (score > (scores[best] ?? Number.NaN) || (best < 0 && !Number.isNaN(score)) ? i : best),
    -1,
  )
  const calls = [
    ...answers.map((answer, i) => callOf(answer, 'answer', scores[i])),
    ...ratings.flatMap(rating => rating.calls),
  ]
  const most = majority(answers)
  if (best < 0) return { ...most, calls, how: `${most.how}, since the judge gave no rating` }
  return { answer: answers[best]!, calls, how: `rated ${scores[best]} by ${judge.model.id}, best of ${answers.length}` }
}

/** A judgement whose failure is a call without an answer; the caller's own mistakes are thrown. */
async function heard<T>(
  { model }: Judge,
  asked: Promise<{ verdict: T | undefined; answer: Answer }>,
): Promise<{ verdict: T | undefined; calls: PlanCall[] }> {
  try {
    const { verdict, answer } = await asked
    return { verdict, calls: [callOf(answer, 'judge')] }
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    return { verdict: undefined, calls: [failedCall(model.id, 'judge', error)] }
  }
}

function requireJudge({ by, judge }: MergeRule): string {
  if (judge !== undefined) return judge
  throw new UsageError(
    `merge by ${by}: expected a judge, the id of a model, got none. Name it in the policy's options.`,
  )
}
