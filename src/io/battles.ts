import { CellError, shown } from './cells.ts'
import type { OutcomeColumns } from './outcome_columns.ts'

/** One row of battle data. `score` is what model a earned: 1 won, 0 lost, ½ tie; model b earned 1 − score. */
export interface Battle {
  readonly a: string
  readonly b: string
  readonly score: number
}

/**
 * Reads one row of LMSYS's preference data: `winner` (model_a, model_b, tie, tie (bothbad)) or the three columns of 0 and 1.
 * @throws CellError where the row names no winner or fewer than two models.
 */
export function readBattle(cells: readonly string[], columns: NonNullable<OutcomeColumns['battle']>): Battle {
  const a = cells[columns.a]!.trim()
  const b = cells[columns.b]!.trim()
  if (a === '' || b === '') throw new CellError('expected model_a and model_b to be named, got an empty cell.')
  if (a === b) throw new CellError('expected model_a and model_b to be two models, got the same twice.')
  const winner = columns.winner.map(column => cells[column]!.trim())
  return { a, b, score: winner.length === 1 ? named(winner[0]!) : flagged(winner) }
}

/** The first turn of a prompt that is a JSON list of turns, as in LMSYS's files; any other prompt as it is. */
export function firstTurn(prompt: string): string {
  if (!/^\s*\[/.test(prompt)) return prompt
  try {
    const turns: unknown = JSON.parse(prompt)
    if (!Array.isArray(turns) || turns.length === 0) return prompt
    return turns[0] === null ? '' : typeof turns[0] === 'string' ? turns[0] : prompt
  } catch {
    return prompt
  }
}

const WINNERS: Readonly<Record<string, number>> = { model_a: 1, model_b: 0, tie: 0.5, 'tie (bothbad)': 0.5 }

function named(winner: string): number {
  if (Object.hasOwn(WINNERS, winner)) return WINNERS[winner]!
  throw new CellError(`expected winner to be model_a, model_b or tie, got ${shown(winner)}.`)
}

function flagged(winner: readonly string[]): number {
  const flags = winner.map(cell =>
    /^(1|1\.0|true)$/i.test(cell) ? 1 : /^(0|0\.0|false)$/i.test(cell) ? 0 : Number.NaN,
  )
  if (flags[0]! + flags[1]! + flags[2]! === 1) return flags[0]! + flags[2]! / 2
  const got = winner.map(shown).join(', ')
  throw new CellError(`expected one of winner_model_a, winner_model_b, winner_tie to be 1 and two 0, got ${got}.`)
}
