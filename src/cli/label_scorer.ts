import { DataError, UsageError } from '../errors.ts'
import type { LabelParts } from '../io/label_run.ts'
import type { LabelRow } from '../io/label_table.ts'
import { createScoreCommand } from '../io/score_command.ts'
import { printable, unknownName } from '../registry.ts'
import { finalNumber } from '../text/final_answer.ts'
import { type ReferenceMethod, scoreByReference } from '../text/reference_score.ts'
import { judgeAnswers } from '../upstream/judge_answers.ts'
import type { PlanParts } from '../upstream/plan_types.ts'
import type { Patience } from './patience.ts'

/** The flags that say how answers are scored. */
export interface ScorerFlags {
  reference?: string
  score?: string
  command?: string
  judge?: string
}

const METHODS = ['exact', 'numeric', 'contains', 'regex']

/** Throws UsageError where the flags name no way to score, more than one, or one that lacks its reference. */
export function checkScorer({ reference, score, command, judge }: ScorerFlags): void {
  if (score !== undefined && !METHODS.includes(score)) throw unknownName('score', score, METHODS)
  if (command !== undefined && judge !== undefined) {
    throw new UsageError('--command and --judge: expected one of them, got both. Leave one out.')
  }
  if (score !== undefined && (command ?? judge) !== undefined) {
    throw new UsageError('--score: expected no other way to score beside it, got one. Leave it or the other out.')
  }
  if (reference !== undefined || command !== undefined || (judge !== undefined && score === undefined)) return
  throw new UsageError(
    score === undefined
      ? 'label: expected a way to score answers, got none. Name --reference COLUMN, --command PROGRAM or --judge MODEL.'
      : `--score ${score}: expected --reference beside it, got none. Name the column that holds right answers.`,
  )
}

/** Throws DataError for a reference that the method can make nothing of, before anything is sent. */
export async function checkReferences(
  file: string,
  rows: readonly LabelRow[],
  { score, command, judge }: ScorerFlags,
): Promise<void> {
  if ((command ?? judge) !== undefined || (score !== 'numeric' && score !== 'regex')) return
  const { RE2JS } = await import('../policies/re2.ts')
  for (const { line, reference = '' } of rows) {
    try {
      if (score === 'regex') RE2JS.compile(reference.trim())
    } catch {
      throw new DataError(file, line, `expected a regular expression (RE2), got "${printable(reference)}".`)
    }
    if (score === 'numeric' && Number.isNaN(finalNumber(reference))) {
      throw new DataError(file, line, `expected a number, got "${printable(reference)}".`)
    }
  }
}

/** What scores the answers of a row. Throws UsageError for an unknown judge or a command that cannot be read. */
export function scorerOf(
  flags: ScorerFlags,
  models: readonly string[],
  { caller, modelOf }: Pick<PlanParts, 'caller' | 'modelOf'>,
  patiently: Patience,
): LabelParts['score'] {
  const { judge, command, score = 'exact' } = flags
  if (judge !== undefined) {
    const model = modelOf(judge)
    return ({ prompt, reference }, answers) =>
      patiently(judge, () => judgeAnswers({ caller, model }, prompt, answers, reference))
  }
  const one = command === undefined ? byReference(score) : byCommand(command)
  return async (row, answers) => ({
    scores: await Promise.all(
      answers.map(async (answer, i) => (answer === undefined ? undefined : one(row, models[i]!, answer))),
    ),
    cost: 0,
  })
}

type ScoreOne = (row: LabelRow, model: string, answer: string) => Promise<number>

function byCommand(command: string): ScoreOne {
  const run = createScoreCommand(command)
  return ({ id, prompt, reference }, model, answer) =>
    run({ id, model, prompt, answer, ...(reference === undefined ? {} : { reference }) })
}

function byReference(method: string): ScoreOne {
  if (method !== 'regex') {
    return async ({ reference }, _, answer) => scoreByReference(method as ReferenceMethod, answer, reference!)
  }
  return async ({ reference }, _, answer) => {
    const { RE2JS } = await import('../policies/re2.ts')
    return RE2JS.compile(reference!.trim()).matcher(answer).find() ? 1 : 0
  }
}
