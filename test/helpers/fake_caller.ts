import type { Model } from '../../src/types.ts'
import type { FailureCategory } from '../../src/upstream/attempt_failure.ts'
import type { PlannedRequest, PlanParts } from '../../src/upstream/plan_types.ts'
import { type Answer, CallError, type ChatCall, type Usage } from '../../src/upstream/upstream_types.ts'

interface Spoken {
  readonly text: string
  readonly cost?: number
  readonly after?: number
  readonly refusal?: string
}

/** What a fake model says: a text, or why it does not. */
export type Said = string | Error | Spoken

const usage: Usage = { inputTokens: 10, outputTokens: 5, isEstimated: false }

/** Parts whose caller answers from a script, one entry per call of a model, the last for all later ones. */
export function fakeParts(
  script: Readonly<Record<string, readonly Said[]>>,
  more: Partial<PlanParts> = {},
): PlanParts & { readonly calls: ChatCall[] } {
  const calls: ChatCall[] = []
  const counts = new Map<string, number>()
  const models = new Map(
    Object.keys(script).map(id => [id, { id, endpoint: { baseUrl: 'http://127.0.0.1:1/v1' } } satisfies Model]),
  )
  return {
    calls,
    caller: {
      statistics: { of: () => Promise.reject(new Error('not used')) as never },
      async close() {},
      async call(call) {
        calls.push(call)
        const { id } = call.models[0]!
        const count = counts.get(id) ?? 0
        counts.set(id, count + 1)
        const said = script[id]![Math.min(count, script[id]!.length - 1)]!
        if (said instanceof Error) throw said
        const { text, cost = 0.01, after, refusal }: Spoken = typeof said === 'string' ? { text: said } : said
        if (after !== undefined) await until(after, call.signal)
        call.onText?.(text)
        const answer: Answer = {
          ...{
            model: id,
            text,
            usage,
            latency: 3,
            isCached: false,
            body: refusal ? { choices: [{ message: { refusal } }] } : {},
          },
          attempts: [{ model: id, status: 200, latency: 3 }],
        }
        call.attempts?.push(...answer.attempts)
        return Number.isNaN(cost) ? answer : { ...answer, cost }
      },
    },
    modelOf: id => models.get(id)!,
    predictCost: () => 0.01,
    scorer: () => Promise.reject(new Error('no scorer')),
    now: () => 0,
    ...more,
  }
}

/** A failure as the caller throws it. */
export function failure(model: string, status = 500, category: FailureCategory = 'other'): CallError {
  return new CallError(`${model}: expected an answer, got status ${status}.`, {
    attempts: [{ model, status, failure: `status ${status}`, category, latency: 1 }],
    ...{ isAccountRefused: false, isRequestRefused: false },
  })
}

/** A request with one user turn. */
export function planned(
  decision: Pick<PlannedRequest['decision'], 'models' | 'plan'> & Partial<PlannedRequest['decision']>,
): PlannedRequest {
  return {
    decision: { model: decision.models[0]!, policy: 'test', ...decision },
    body: { messages: [{ role: 'user', content: 'How many?' }] },
    prompt: 'How many?',
  }
}

function until(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })
}
