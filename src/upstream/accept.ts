import { UpstreamError, UsageError } from '../errors.ts'
import { SAMPLES } from '../policies/try_cost.ts'
import type { AcceptRule, Model } from '../types.ts'
import { rate } from './judge.ts'
import { largestGroup } from './merge.ts'
import { askedOf, callOf, failedCall, type PlanCall, type PlannedRequest, type PlanParts } from './plan_types.ts'
import { saidOf } from './said.ts'
import type { Answer } from './upstream_types.ts'

/** Where the request asks for none, or for 0, at which samples would all be the same. */
const SAMPLING_TEMPERATURE = 0.7

/** What came of asking one model of a cascade. */
export interface Tried {
  readonly answer: Answer
  /** 0..1; NaN where a judge gave no rating. */
  readonly score: number
  readonly calls: readonly PlanCall[]
}

/**
 * Asks one model and scores its answer:
 * - `scorer`: what a checkpoint of `train` says of `scoredText`, its win rate being the answer's expected score;
 * - `self_consistency`: the share of `samples` answers that come to the same as most do (Wang et al. 2023), which is the answer;
 * - `judge`: the rating by another model.
 * @throws CallError, UsageError, DataError
 */
export async function tryModel(
  model: Model,
  rule: AcceptRule,
  request: PlannedRequest,
  parts: PlanParts,
): Promise<Tried> {
  if (rule.by === 'self_consistency') return drawSamples(model, rule.samples ?? SAMPLES, request, parts)
  const { prompt, headers, signal } = request
  const answer = await parts.caller.call({ ...askedOf(request), models: [model] })
  if (rule.by === 'scorer') {
    const score = await parts.scorer(required(rule, 'checkpoint'))
    const [value] = await score([scoredText(prompt, saidOf(answer))])
    return { answer, score: value!, calls: [callOf(answer, 'answer', value!)] }
  }
  const judge = { caller: parts.caller, model: parts.modelOf(required(rule, 'judge')), headers, signal }
  try {
    const rating = await rate(judge, prompt, saidOf(answer))
    const score = rating.verdict ?? Number.NaN
    return { answer, score, calls: [callOf(answer, 'answer', score), callOf(rating.answer, 'judge')] }
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    return {
      ...{ answer, score: Number.NaN },
      calls: [callOf(answer, 'answer'), failedCall(judge.model.id, 'judge', error)],
    }
  }
}

/**
 * What a scorer reads: the prompt and the answer to it. `label --scorer-file` writes the same texts with the scores of their
 * answers, as an outcome file of the pair `right` (the score) and `wrong` (one minus it), so that the win rate of what `train`
 * learns from it is the expected score of an answer.
 */
export function scoredText(prompt: string, answer: string): string {
  return `${prompt}\n\n[answer]\n${answer}`
}

async function drawSamples(
  model: Model,
  samples: number,
  request: PlannedRequest,
  { caller }: PlanParts,
): Promise<Tried> {
  const { body, received } = request
  const temperature = body.temperature || SAMPLING_TEMPERATURE
  const warm: PlannedRequest = {
    ...request,
    body: { ...body, temperature },
    ...(received ? { received: fields => received(body.temperature ? fields : { temperature, ...fields }) } : {}),
  }
  const drawn = await Promise.allSettled(
    Array.from({ length: samples }, () => caller.call({ ...askedOf(warm), models: [model], skipsCache: true })),
  )
  const answers = drawn.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const failures = drawn.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason] : []))
  const own = failures.find(reason => !(reason instanceof UpstreamError))
  if (own !== undefined) throw own
  if (answers.length === 0) throw failures[0]
  const group = largestGroup(answers)
  const failed = failures.map(reason => failedCall(model.id, 'answer', reason))
  return {
    answer: answers[group[0]!]!,
    // Of the samples that were asked for: one that failed agrees with none.
    score: group.length / samples,
    calls: [...answers.map(answer => callOf(answer, 'answer', group.length / samples)), ...failed],
  }
}

/** What the rule must name. @throws UsageError where it does not. */
export function required(rule: AcceptRule, name: 'checkpoint' | 'judge'): string {
  const value = rule[name]
  if (value !== undefined) return value
  throw new UsageError(`accept by ${rule.by}: expected ${name}, got none. Name it in the policy's options.`)
}
