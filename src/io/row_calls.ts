import { DataError, UpstreamError } from '../errors.ts'
import type { CostAccount } from '../routing/call_costs.ts'
import { isRefusal } from '../routing/pool_router.ts'
import type { Decision, RouteRequest } from '../types.ts'
import type { Budget, Prediction, Reservation } from './budget.ts'
import type { CallBlock, RowDecision } from './call_block.ts'
import type { CallCost, RowAnswer } from './call_columns.ts'
import type { CallPipeline, PreparedCall } from './call_pipeline.ts'
import { type BodyOptions, bodyOfRow, type RequestBody } from './chat_body.ts'
import type { Ledger } from './ledger.ts'
import type { LedgerEntry } from './ledger_history.ts'
import type { Router } from './router.ts'
import { isPromptAlone, requestsOf } from './segment_requests.ts'
import type { SegmentJob } from './segment_routing.ts'

/** Who decides, and who answers. */
export interface RowCallParts {
  readonly router: Router
  /**
   * Throws UpstreamError where the row has no answer; anything else ends the batch.
   * @param isElsewhere whether the row could be answered by another model now.
   */
  answer(decision: Decision, prompt: string, body: RequestBody, isElsewhere: () => Promise<boolean>): Promise<RowAnswer>
  /** Asked only where there is a budget. */
  predict(decision: Decision, body: RequestBody): Prediction
}

/** What rows are called with. */
export interface RowCallSettings {
  readonly job: SegmentJob
  readonly body: BodyOptions
  /** Absent where nothing is kept. */
  readonly ledger: Ledger | undefined
  readonly budget: Budget
  readonly account: CostAccount
  /** What the input is called in messages, where the first row without an answer ends the run. */
  readonly strictInput: string | undefined
}

/** Running counts of calls. */
export interface CallCounts {
  /** With an answer, those of earlier runs included. */
  rows: number
  /** Rows that each model answered. */
  readonly byModel: Record<string, number>
  /** Called in vain. */
  failed: number
  /** Answered by calls of this run: those of earlier runs and of the response cache left out. */
  answeredHere: number
  retries: number
}

const NO_PREDICTION: Prediction = { cost: undefined, isGuess: false }

/** What a pipeline does with a row, remembered in the ledger, the budget and the account. */
export function createRowCalls(
  { router, answer, predict }: RowCallParts,
  { job, body: options, ledger, budget, account, strictInput }: RowCallSettings,
): Pick<CallPipeline, 'recall' | 'decide' | 'prepare' | 'call'> & {
  readonly counts: CallCounts
  /** Whether `prepare` stopped, since the next row could pass the budget. */
  isOverBudget(): boolean
} {
  const counts: CallCounts = { rows: 0, byModel: {}, failed: 0, answeredHere: 0, retries: 0 }
  let isOverBudget = false
  let settled: (() => void)[] = []
  return {
    counts,
    isOverBudget: () => isOverBudget,

    async recall(row) {
      const entry = await ledger?.answered(row)
      if (!entry) return undefined
      const known = fromEntry(entry)
      count(known.answer)
      return known
    },

    decide(block, indexes) {
      return router.decideEach(indexes.map(index => requestAt(block, index)))
    },

    prepare(block, index, decision) {
      const body = bodyOfRow(block.recordOf(index), block.prompts[index]!, job, options)
      const reservation = reserve(decision, body)
      isOverBudget = reservation === 'no'
      if (reservation === 'no') return undefined
      return reservation === 'wait' ? 'wait' : { body, reservation }
    },

    async call(block, index, decided, { body, reservation: given }) {
      let [decision, reservation] = [decided, given]
      let other: Decision | undefined
      let left = router.pool.models.length
      const isElsewhere = async () => {
        other = left > 0 ? await healthierThan(decision, block, index) : undefined
        return other !== undefined
      }
      for (; ; left--) {
        let failure = new UpstreamError(`${decision.model}: expected it to be up, got an open breaker.`)
        if (await isElsewhere()) reservation.settle(0)
        else {
          try {
            const answered = await callOnce(block, index, decision, { body, reservation }, isElsewhere)
            return { decision, answer: answered }
          } catch (error) {
            if (!(error instanceof UpstreamError)) throw error
            failure = error
            if (!other) await isElsewhere()
          }
        }
        const next = other && (await reserved(other, body))
        if (!next) {
          if (strictInput !== undefined) throw strictError(strictInput, block, index, failure)
          counts.failed++
          throw failure
        }
        ;[decision, reservation] = [other!, next]
      }
    },
  }

  /** What is decided now, where the models that were decided before are all down and one of those now is not. */
  async function healthierThan(before: Decision, block: CallBlock, index: number): Promise<Decision | undefined> {
    if (!areDown(before)) return undefined
    const [now] = await router.decideEach([requestAt(block, index)])
    return now && !isRefusal(now) && !areDown(now) ? now : undefined
  }

  function areDown({ models }: Decision): boolean {
    const { statistics } = router.pool
    return statistics !== undefined && models.every(id => statistics.of(id).isOpen)
  }

  function reserve(decision: Decision, body: RequestBody): Reservation | 'wait' | 'no' {
    return budget.reserve(budget.isLimited ? predict(decision, body) : NO_PREDICTION, decision.models)
  }

  /** The same, after those under way whose cost is about to be known; undefined where the budget does not allow it. */
  async function reserved(decision: Decision, body: RequestBody): Promise<Reservation | undefined> {
    for (;;) {
      const reservation = reserve(decision, body)
      if (reservation === 'no') return undefined
      if (reservation !== 'wait') return reservation
      await new Promise<void>(resolve => settled.push(resolve))
    }
  }

  /** Throws UpstreamError where there is no answer. Either way the ledger has it, and the budget is settled. */
  async function callOnce(
    block: CallBlock,
    index: number,
    decision: Decision,
    { body, reservation }: PreparedCall,
    isElsewhere: () => Promise<boolean>,
  ): Promise<RowAnswer> {
    const place = { row: block.first + index, line: block.lineOf(index) }
    await ledger?.append({ ...place, status: 'sent', models: decision.models, at: new Date().toISOString() })
    let cost = 0
    try {
      const answered = await answer(decision, block.prompts[index]!, body, isElsewhere)
      cost = answered.cost ?? 0
      await ledger?.append(toEntry(place, decision, answered))
      counts.answeredHere += answered.isCached ? 0 : 1
      count(answered)
      return answered
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      await ledger?.append({ ...place, status: 'failed', models: decision.models, reason: error.message })
      throw error
    } finally {
      reservation.settle(cost)
      const waiting = settled
      settled = []
      for (const wake of waiting) wake()
    }
  }

  function requestAt(block: CallBlock, index: number): RouteRequest {
    const prompt = block.prompts[index]!
    const isPlain = isPromptAlone(router.policyId, job)
    const request = isPlain ? { prompt } : requestsOf(block.segment, [prompt], [block.rows[index]!], job)[0]!
    const { maxTokens } = options
    if (maxTokens === undefined || request.needs?.outputTokens !== undefined) return request
    return { ...request, needs: { ...request.needs, outputTokens: maxTokens } }
  }

  function count(answered: RowAnswer): void {
    counts.rows++
    counts.retries += answered.retries
    counts.byModel[answered.model] = (counts.byModel[answered.model] ?? 0) + 1
    account.add(answered)
  }
}

/** Ends the run with the row's line; a DataError would blame the file, and the exit code with it. */
function strictError(input: string, block: CallBlock, index: number, error: UpstreamError): Error {
  const { message } = new DataError(input, block.lineOf(index), error.message)
  return Object.assign(new Error(message), { name: error.name })
}

function toEntry(
  { row, line }: { readonly row: number; readonly line: number },
  { winRate, threshold }: Decision,
  answer: RowAnswer,
): LedgerEntry {
  return {
    row,
    line,
    status: 'answered',
    model: answer.model,
    inputTokens: answer.inputTokens,
    outputTokens: answer.outputTokens,
    cost: answer.cost,
    latency: answer.latency,
    retries: answer.retries,
    isCached: answer.isCached,
    winRate,
    // JSON has no Infinity.
    threshold: threshold === undefined || Number.isFinite(threshold) ? threshold : String(threshold),
    how: answer.how,
    calls: answer.calls.length > 1 ? answer.calls : undefined,
    answer: answer.text,
  }
}

function fromEntry(entry: LedgerEntry): { decision: RowDecision; answer: RowAnswer } {
  const { row: _, line: __, status: ___, winRate, threshold, calls, answer: text, ...figures } = entry
  const known = figures as unknown as Omit<RowAnswer, 'text' | 'calls'>
  const only: CallCost = { ...known, purpose: 'answer' }
  return {
    decision: {
      model: known.model,
      ...(winRate === undefined ? {} : { winRate: winRate as number }),
      ...(threshold === undefined ? {} : { threshold: Number(threshold) }),
    },
    answer: { ...known, text: String(text), calls: (calls as CallCost[] | undefined) ?? [only] },
  }
}
