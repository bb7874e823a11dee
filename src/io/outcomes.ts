import { basename } from 'node:path'
import { DataError, UsageError } from '../errors.ts'
import type { Outcomes } from '../types.ts'
import { type Battle, firstTurn, readBattle } from './battles.ts'
import { CellError, dollarsOrNothing, share, shareOrNothing } from './cells.ts'
import { type OutcomeColumns, type OutcomesForm, recognise } from './outcome_columns.ts'
import { choosePair, type PairIds } from './pair_choice.ts'
import { type OutcomeFile, poolFiles } from './pooling.ts'
import { readTable, type Table } from './table.ts'

/** How outcome files are read. */
export interface OutcomesOptions {
  /** Names of the pair. In a pair file they are given to its two columns, elsewhere they are looked up. */
  readonly strong?: string
  readonly weak?: string
  /** The pair to take where a file has both of its models, in place of its own choice. */
  readonly preferred?: PairIds
  /** Default `prompt`. */
  readonly promptColumn?: string
  /** Leave bad rows out and count them, instead of throwing at the first. */
  readonly skipBad?: boolean
  /** Called after each file with the rows read so far. */
  readonly onProgress?: (rows: number) => void
}

/**
 * Reads outcome files and pools them: models are united by id, each file becomes one source with its own pair.
 * `form` is 'mixed' where files differ; `skipped` counts the bad rows left out.
 * @throws DataError for a file that cannot be used, with the line of the first bad row; UsageError for an unknown model.
 */
export async function readOutcomes(
  files: readonly string[],
  options: OutcomesOptions = {},
): Promise<{ outcomes: Outcomes; form: OutcomesForm | 'mixed'; skipped: number }> {
  if (files.length === 0) throw new UsageError('outcomes: expected one file or more, got none.')
  const read: OutcomeFile[] = []
  for (const file of files) {
    read.push(readFileOfOutcomes(await readTable(file, options.promptColumn), options))
    options.onProgress?.(read.reduce((sum, { prompts }) => sum + prompts.length, 0))
  }
  const forms = new Set(read.map(({ form }) => form))
  return {
    outcomes: poolFiles(read),
    form: forms.size > 1 ? 'mixed' : read[0]!.form,
    skipped: read.reduce((sum, { skipped }) => sum + skipped, 0),
  }
}

function readFileOfOutcomes(table: Table, options: OutcomesOptions): OutcomeFile {
  const columns = recognise(table, options.promptColumn)
  const rows = readRows(table, columns, options.skipBad ?? false)
  const models = modelIds(columns, rows, options)
  const size = rows.length * models.length
  const scores = new Float64Array(size).fill(Number.NaN)
  const costs = columns.models.some(({ cost }) => cost !== undefined)
    ? new Float64Array(size).fill(Number.NaN)
    : undefined
  const battleIndex = new Map(models.map((model, i) => [model, i]))
  for (const [i, { scores: earned, costs: paid, battle }] of rows.entries()) {
    const row = i * models.length
    if (battle) {
      scores[row + battleIndex.get(battle.a)!] = battle.score
      scores[row + battleIndex.get(battle.b)!] = 1 - battle.score
    } else {
      scores.set(earned, row)
      costs?.set(paid, row)
    }
  }
  return {
    form: columns.form,
    name: basename(table.file)
      .replace(/\.gz$/i, '')
      .replace(/\.\w+$/, ''),
    sha256: table.sha256,
    models,
    ...choosePair({ models, scores, costs, form: columns.form }, options),
    prompts: rows.map(({ prompt }) => prompt),
    ids: rows.map(({ id }) => id),
    categories: rows.map(({ category }) => category),
    scores,
    ...(costs ? { costs } : {}),
    winRates: new Map(
      [...columns.winRates.keys()].map((name, i) => [name, Float64Array.from(rows, ({ winRates }) => winRates[i]!)]),
    ),
    skipped: table.rows.length - rows.length,
  }
}

interface Row {
  readonly prompt: string
  readonly id: string
  readonly category: string
  /** In the order of the columns; empty in battle data. */
  readonly scores: readonly number[]
  readonly costs: readonly number[]
  readonly winRates: readonly number[]
  readonly battle?: Battle
}

function readRows(table: Table, columns: OutcomeColumns, skipBad: boolean): Row[] {
  const rows: Row[] = []
  for (const [i, cells] of table.rows.entries()) {
    try {
      rows.push(readRow(cells, i, table.header, columns))
    } catch (error) {
      if (!(error instanceof CellError)) throw error
      if (!skipBad) {
        throw new DataError(table.file, table.lineOf(i), `${error.message} Correct it or pass --skip-bad.`)
      }
    }
  }
  if (rows.length === 0) {
    throw new DataError(table.file, undefined, `expected a row that can be used, got ${table.rows.length} bad ones.`)
  }
  return rows
}

function readRow(cells: readonly string[], index: number, header: readonly string[], columns: OutcomeColumns): Row {
  if (cells.length !== header.length) {
    throw new CellError(`expected ${header.length} fields as in the header, got ${cells.length}.`)
  }
  const { form, prompt, id, category, models, battle } = columns
  const read = form === 'pair' ? share : shareOrNothing
  return {
    prompt: battle ? firstTurn(cells[prompt]!) : cells[prompt]!,
    id: (id === undefined ? '' : cells[id]!) || String(index + 1),
    category: category === undefined ? '' : cells[category]!,
    scores: models.map(({ score }) => read(cells[score]!, header[score]!)),
    costs: models.map(({ cost }) => (cost === undefined ? Number.NaN : dollarsOrNothing(cells[cost]!, header[cost]!))),
    winRates: Array.from(columns.winRates.values(), column => share(cells[column]!, header[column]!)),
    ...(battle ? { battle: readBattle(cells, battle) } : {}),
  }
}

function modelIds(columns: OutcomeColumns, rows: readonly Row[], options: OutcomesOptions): string[] {
  if (columns.form === 'pair') {
    const [strong, weak] = [options.strong ?? 'strong', options.weak ?? 'weak']
    if (strong === weak) throw new UsageError(`strong and weak: expected two models, got "${strong}" twice.`)
    return [strong, weak]
  }
  if (columns.form === 'wide') return columns.models.map(({ model }) => model)
  return [...new Set(rows.flatMap(({ battle }) => (battle ? [battle.a, battle.b] : [])))].sort()
}
