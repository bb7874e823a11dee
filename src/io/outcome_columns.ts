import { DataError, UsageError } from '../errors.ts'
import { didYouMean, printable, unknownName } from '../registry.ts'
import type { Table } from './table.ts'

/** The three forms of an outcome file (DESIGN §9). */
export type OutcomesForm = 'pair' | 'wide' | 'battles'

/** Where one model's numbers stand: indexes of columns. */
export interface ModelColumns {
  readonly model: string
  readonly score: number
  readonly cost?: number
}

/** What a header says. All numbers are indexes of columns. */
export interface OutcomeColumns {
  readonly form: OutcomesForm
  readonly prompt: number
  readonly id?: number
  readonly category?: number
  /** Pair and wide: one per model, of a pair strong first. */
  readonly models: readonly ModelColumns[]
  /** Battles: who fought, and either one column of the winner's name or three of 0 and 1. */
  readonly battle?: { readonly a: number; readonly b: number; readonly winner: readonly number[] }
  /** `win_rate:<name>` columns by name. */
  readonly winRates: ReadonlyMap<string, number>
}

/**
 * Recognises the form of an outcome file from its header.
 * @param promptColumn the column that holds the prompt, where it is not `prompt`.
 * @throws DataError where columns are missing, UsageError where `promptColumn` is not among them.
 */
export function recognise(table: Table, promptColumn = 'prompt'): OutcomeColumns {
  const { header, file } = table
  const column = (name: string): number | undefined => {
    const index = header.indexOf(name)
    return index < 0 ? undefined : index
  }
  const prompt = column(promptColumn)
  if (prompt === undefined) throw missingPrompt(table, promptColumn)
  const [id, category] = [column('id'), column('category')]
  const common = {
    prompt,
    ...(id === undefined ? {} : { id }),
    ...(category === undefined ? {} : { category }),
    winRates: new Map(named(table, 'win_rate:')),
  }

  const [strong, weak] = [column('strong_score'), column('weak_score')]
  if (strong !== undefined && weak !== undefined) {
    const stray = strayCost(table)
    if (stray !== undefined) {
      throw new DataError(
        file,
        1,
        `expected costs of a pair as strong_cost, weak_cost, got cost:${printable(stray)}. Rename the column.`,
      )
    }
    const models = [
      modelColumns('strong', strong, column('strong_cost')),
      modelColumns('weak', weak, column('weak_cost')),
    ]
    return { ...common, form: 'pair', models }
  }

  const scores = named(table, 'score:')
  if (scores.length > 0) {
    const costs = new Map(named(table, 'cost:'))
    const stray = strayCost(table)
    if (stray !== undefined) {
      const expected = `expected a column score:${printable(stray)} beside cost:${printable(stray)}, got none`
      throw new DataError(file, 1, `${expected}.${didYouMean(stray, [...scores.map(([model]) => model)])}`)
    }
    if (scores.length === 1) throw new DataError(file, 1, 'expected score: columns of two models or more, got one.')
    return {
      ...common,
      form: 'wide',
      models: scores.map(([model, score]) => modelColumns(model, score, costs.get(model))),
    }
  }

  const [a, b] = [column('model_a'), column('model_b')]
  const flags = [column('winner_model_a'), column('winner_model_b'), column('winner_tie')]
  const winner = column('winner')
  const winners = winner === undefined ? flags.filter(flag => flag !== undefined) : [winner]
  if (a !== undefined && b !== undefined && (winner !== undefined || winners.length === 3)) {
    return { ...common, form: 'battles', models: [], battle: { a, b, winner: winners } }
  }
  const half = strong === undefined ? weak !== undefined && 'strong_score' : 'weak_score'
  if (half) throw new DataError(file, 1, `expected a column ${half}, got ${list(header)}.${didYouMean(half, header)}`)
  throw new DataError(
    file,
    1,
    `expected columns strong_score, weak_score or score:<model> twice or model_a, model_b, winner beside ${printable(promptColumn)}, got ${list(header)}.`,
  )
}

/** Names of columns for a message; sentences only by their length, as a file without a header has prompts there. */
function list(header: readonly string[]): string {
  const names = header.map(name => (isName(name) ? printable(name) : `(${name.length} characters)`))
  return names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more` : names.join(', ')
}

function isName(text: string): boolean {
  return text.length <= 40 && text.split(' ').length <= 3
}

/** A model with a column of costs and none of scores. */
function strayCost(table: Table): string | undefined {
  const scored = named(table, 'score:').map(([model]) => model)
  return named(table, 'cost:').find(([model]) => !scored.includes(model))?.[0]
}

function modelColumns(model: string, score: number, cost: number | undefined): ModelColumns {
  return cost === undefined ? { model, score } : { model, score, cost }
}

/** The columns that begin with `prefix`: [what follows it, index]. */
function named({ header, file }: Table, prefix: string): [string, number][] {
  const found = header.flatMap((name, i): [string, number][] =>
    name.startsWith(prefix) ? [[name.slice(prefix.length).trim(), i]] : [],
  )
  for (const [i, [name]] of found.entries()) {
    if (name === '') throw new DataError(file, 1, `expected a name after ${prefix}, got none.`)
    if (found.findIndex(([other]) => other === name) < i) {
      throw new DataError(
        file,
        1,
        `expected each column once, got "${prefix}${printable(name)}" twice. Rename or remove one.`,
      )
    }
  }
  return found
}

function missingPrompt({ header, file }: Table, promptColumn: string): Error {
  const short = header.filter(isName)
  if (promptColumn !== 'prompt') {
    return short.length === header.length
      ? unknownName('column', promptColumn, header)
      : new UsageError(`Unknown column "${printable(promptColumn)}". Available: ${list(header)}.`)
  }
  const near = didYouMean('prompt', short)
  return new DataError(file, 1, `expected a column prompt, got ${list(header)}.${near} Name it with --prompt-column.`)
}
