import { UpstreamError } from '../errors.ts'
import { createBudget, type Prediction, type Reservation } from './budget.ts'
import type { RowAnswer } from './call_columns.ts'
import type { LabelledRow, LabelRow } from './label_table.ts'
import type { Ledger } from './ledger.ts'
import type { LedgerEntry } from './ledger_history.ts'
import { createLimit } from './limit.ts'

/** What answers earned. */
export interface Scored {
  /** 0..1, one per answer; undefined where there was no answer, or no verdict. */
  readonly scores: readonly (number | undefined)[]
  /** US dollars that the scoring took. */
  readonly cost: number
  /** Why an answer that could be scored has no score; absent where all have. */
  readonly unscored?: string
}

/** Who answers, and who scores. */
export interface LabelParts {
  readonly models: readonly string[]
  /** Throws UpstreamError where there is no answer; anything else ends the run. */
  answer(model: string, row: LabelRow): Promise<RowAnswer>
  /** @param answers one per model; undefined where it gave none. Throws as `answer`. */
  score(row: LabelRow, answers: readonly (string | undefined)[]): Promise<Scored>
  /** Expected US dollars of an answer; without a model, of the scores of a row. */
  predict(model: string | undefined, row: LabelRow): Prediction
  /** Whether scores are kept in the ledger: where making them again would cost something. */
  readonly keepsScores: boolean
  readonly ledger: Ledger
  /** Rows under way at a time. */
  readonly maxConcurrency: number
  readonly maxDollars: number | undefined
  readonly signal: AbortSignal
  onProgress(progress: { readonly rows: number; readonly spent: number }): void
}

/** What came of labelling. */
export interface LabelResult {
  /** With an answer of one model at least, and its score. */
  readonly rows: readonly LabelledRow[]
  /** Calls that gave no answer or no score, with what is said of the first ones. */
  readonly failures: readonly { readonly row: number; readonly model: string | undefined; readonly reason: string }[]
  /** Rows of which an answer has no score though its scoring did not fail, and why: as of a verdict that cannot be read. */
  readonly unscored: readonly { readonly row: number; readonly reason: string }[]
  /** US dollars, those of earlier runs included. */
  readonly spent: number
  readonly state: 'finished' | 'stopped' | 'budget'
}

const NO_PREDICTION: Prediction = { cost: undefined, isGuess: false }

/** The slot of a call in a ledger: a model's answer to a row, or the row's scores. */
export function labelSlot({ row, model }: LedgerEntry, models: readonly string[]): number {
  return row * (models.length + 1) + (model === undefined ? models.length : models.indexOf(model as string))
}

/**
 * Asks all models about every row and scores what they say, many rows at a time. Every answer is in the ledger before anything
 * is made of it, and is not asked for again.
 */
export async function labelRows(rows: readonly LabelRow[], parts: LabelParts): Promise<LabelResult> {
  const { models, ledger, signal } = parts
  const budget = createBudget(parts.maxDollars, ledger.earlier)
  const limit = createLimit(parts.maxConcurrency)
  const labelled: LabelledRow[] = []
  const failures: { row: number; model: string | undefined; reason: string }[] = []
  const unscored: { row: number; reason: string }[] = []
  let isOverBudget = false
  let failure: { readonly error: unknown } | undefined
  let ended: (() => void)[] = []
  await Promise.all(rows.map(row => limit(() => label(row))))
  if (failure) throw (failure as { readonly error: unknown }).error
  const state = signal.aborted ? 'stopped' : isOverBudget ? 'budget' : 'finished'
  return { rows: labelled, failures, unscored, spent: budget.spent(), state }

  async function label(row: LabelRow): Promise<void> {
    if (isEnding()) return
    try {
      const answers = await Promise.all(models.map(model => answerOf(model, row)))
      const texts = answers.map(answer => answer?.text)
      // A row that was not asked about to its end is labelled by the run that goes on from this one.
      if (isEnding() && answers.includes(undefined)) return
      if (answers.every(answer => answer === undefined)) return
      const scored = await scoresOf(row, texts)
      if (!scored) return
      const costs = answers.map(answer => answer?.cost ?? undefined)
      if (scored.some(score => score !== undefined)) labelled.push({ row, texts, scores: scored, costs })
      parts.onProgress({ rows: labelled.length, spent: budget.spent() })
    } catch (error) {
      failure ??= { error }
    }
  }

  async function answerOf(model: string, row: LabelRow): Promise<RowAnswer | undefined> {
    const place = { row: row.row, line: row.line, model }
    const known = await ledger.answered(labelSlot({ ...place, status: 'sent' }, models))
    if (known) return { ...(known as unknown as RowAnswer), text: String(known.answer) }
    return spend(
      place,
      () => parts.predict(model, row),
      async () => {
        const { text, calls: _, ...figures } = await parts.answer(model, row)
        await ledger.append({ ...place, status: 'answered', ...figures, answer: text })
        return { value: { text, calls: [], ...figures }, cost: figures.cost ?? 0 }
      },
    )
  }

  async function scoresOf(
    row: LabelRow,
    texts: readonly (string | undefined)[],
  ): Promise<Scored['scores'] | undefined> {
    if (!parts.keepsScores) return (await parts.score(row, texts)).scores
    const place = { row: row.row, line: row.line }
    const known = await ledger.answered(labelSlot({ ...place, status: 'sent' }, models))
    // They are about those answers only.
    if (known && JSON.stringify(known.of) === JSON.stringify(presence(texts))) {
      const scores = fromJson(known.scores)
      // Versions that took a verdict that nobody could read for an answer have left rows without scores.
      if (scores.some(score => score !== undefined)) return scores
    }
    return spend(
      place,
      () => parts.predict(undefined, row),
      async () => {
        const { scores, cost, unscored: reason } = await parts.score(row, texts)
        if (reason !== undefined) {
          unscored.push({ row: row.row, reason })
          await ledger.append({ ...place, status: 'failed', reason, cost })
          return { value: scores, cost }
        }
        const asJson = scores.map(score => score ?? null)
        await ledger.append({ ...place, status: 'answered', of: presence(texts), scores: asJson, cost })
        return { value: scores, cost }
      },
    )
  }

  /** Sends what the budget allows, between its two lines of the ledger. Undefined where it failed or was not sent. */
  async function spend<T>(
    place: { readonly row: number; readonly line: number; readonly model?: string },
    predict: () => Prediction,
    send: () => Promise<{ readonly value: T; readonly cost: number }>,
  ): Promise<T | undefined> {
    const reservation = await reserve(predict, place.model ?? 'the judge')
    if (!reservation) return undefined
    let cost = 0
    try {
      await ledger.append({ ...place, status: 'sent', at: new Date().toISOString() })
      const sent = await send()
      cost = sent.cost
      return sent.value
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      failures.push({ row: place.row, model: place.model, reason: error.message })
      await ledger.append({ ...place, status: 'failed', reason: error.message })
      return undefined
    } finally {
      reservation.settle(cost)
      const waiting = ended
      ended = []
      for (const wake of waiting) wake()
    }
  }

  async function reserve(predict: () => Prediction, model: string): Promise<Reservation | undefined> {
    for (;;) {
      // Answers that came while it waited tell more of what the next one costs.
      const expected = budget.isLimited ? predict() : NO_PREDICTION
      // What costs nothing, such as scores by a command, makes a row whole that was paid for.
      if (signal.aborted || failure || (isOverBudget && expected.cost !== 0)) return undefined
      const reservation = budget.reserve(expected, [model])
      if (reservation === 'wait') await new Promise<void>(resolve => ended.push(resolve))
      else if (reservation === 'no') isOverBudget = true
      else return reservation
    }
  }

  function isEnding(): boolean {
    return signal.aborted || isOverBudget || failure !== undefined
  }
}

/** Which answers there were. */
function presence(texts: readonly (string | undefined)[]): readonly boolean[] {
  return texts.map(text => text !== undefined)
}

function fromJson(scores: unknown): (number | undefined)[] {
  return (scores as (number | null)[]).map(score => score ?? undefined)
}
