import { DataError, UsageError } from '../errors.ts'
import { shuffledIndexes } from '../math/random.ts'
import { didYouMean, printable } from '../registry.ts'
import { quoted } from './formats.ts'
import { readTable } from './table.ts'
import { writeWhole } from './write_whole.ts'

/** A row whose prompt is put to models. */
export interface LabelRow {
  /** 1-based, in its file. */
  readonly row: number
  /** The line on which it begins. */
  readonly line: number
  /** Its `id`, else the number of the row. */
  readonly id: string
  /** '' where there is no such column. */
  readonly category: string
  readonly prompt: string
  /** What a right answer is; absent where no column was named. */
  readonly reference?: string
}

/** Rows to label. */
export interface LabelTable {
  /** Of the file's bytes, in hex. */
  readonly sha256: string
  readonly hasCategories: boolean
  /** A seeded sample in random order, so that its beginning is a sample too. */
  readonly rows: readonly LabelRow[]
}

/**
 * Reads CSV, TSV or JSONL and draws rows from it.
 * @param n rows of the sample; all where there are not so many.
 * @throws DataError for a file or row that cannot be used; UsageError for a column that is not there.
 */
export async function readLabelTable(
  file: string,
  { promptColumn = 'prompt', referenceColumn, n, seed }: LabelTableOptions,
): Promise<LabelTable> {
  const { header, rows, sha256, lineOf } = await readTable(file, promptColumn)
  const index = (column: string, flag: string) => {
    const found = header.indexOf(column)
    if (found >= 0) return found
    throw new UsageError(
      `${flag}: expected a column of ${file}, got "${printable(column)}".${didYouMean(column, header)} Columns: ${header.map(printable).join(', ')}.`,
    )
  }
  const prompt = index(promptColumn, '--prompt-column')
  const reference = referenceColumn === undefined ? undefined : index(referenceColumn, '--reference')
  const [id, category] = [header.indexOf('id'), header.indexOf('category')]
  const sample = [...shuffledIndexes(rows.length, seed)].slice(0, n)
  return {
    sha256,
    hasCategories: category >= 0,
    rows: sample.map(i => {
      const cells = rows[i]!
      if (cells.length !== header.length) {
        throw new DataError(file, lineOf(i), `expected ${header.length} fields as in the header, got ${cells.length}.`)
      }
      if (reference !== undefined && cells[reference]!.trim() === '') {
        throw new DataError(
          file,
          lineOf(i),
          `expected ${printable(referenceColumn!)} to hold a reference, got nothing.`,
        )
      }
      return {
        ...{ row: i + 1, line: lineOf(i), prompt: cells[prompt]! },
        id: (id < 0 ? '' : cells[id]!) || String(i + 1),
        category: category < 0 ? '' : cells[category]!,
        ...(reference === undefined ? {} : { reference: cells[reference]! }),
      }
    }),
  }
}

/** How rows to label are read. */
export interface LabelTableOptions {
  readonly promptColumn?: string | undefined
  readonly referenceColumn?: string | undefined
  readonly n?: number | undefined
  readonly seed: number
}

/** What the models earned on a row. One entry per model; undefined where it gave no answer, or nobody knows. */
export interface LabelledRow {
  readonly row: LabelRow
  readonly scores: readonly (number | undefined)[]
  /** US dollars. */
  readonly costs: readonly (number | undefined)[]
  readonly texts: readonly (string | undefined)[]
}

/** Writes rows as a wide outcome file, in the order of the input: what `train` and `eval` read. */
export async function writeOutcomes(
  file: string,
  models: readonly string[],
  rows: readonly LabelledRow[],
  hasCategories: boolean,
): Promise<void> {
  const header = [
    'id',
    ...(hasCategories ? ['category'] : []),
    'prompt',
    ...models.map(model => `score:${model}`),
    ...models.map(model => `cost:${model}`),
  ]
  const lines = inOrder(rows).map(({ row, scores, costs }) => [
    row.id,
    ...(hasCategories ? [row.category] : []),
    row.prompt,
    ...scores.map(shown),
    ...costs.map(shown),
  ])
  await writeCsv(file, header, lines)
}

/**
 * Writes every answer with its prompt as a row of an outcome file of the models `right`, which earned the score, and `wrong`,
 * which earned one minus it: the win rate of what `train` learns from it is the expected score of an answer.
 * @param textOf what a scorer reads of a prompt and an answer.
 */
export async function writeScorerOutcomes(
  file: string,
  models: readonly string[],
  rows: readonly LabelledRow[],
  textOf: (prompt: string, answer: string) => string,
): Promise<void> {
  const lines = inOrder(rows).flatMap(({ row, scores, texts }) =>
    models.flatMap((model, i) => {
      const [score, text] = [scores[i], texts[i]]
      if (score === undefined || text === undefined) return []
      // Complements in binary leave digits that nobody wrote.
      return [
        [`${row.id}:${model}`, textOf(row.prompt, text), shown(score), shown(Number((1 - score).toPrecision(12)))],
      ]
    }),
  )
  await writeCsv(file, ['id', 'prompt', 'score:right', 'score:wrong'], lines)
}

async function writeCsv(file: string, header: readonly string[], rows: readonly (readonly string[])[]): Promise<void> {
  const lines = [header, ...rows].map(cells => `${cells.map(cell => quoted(cell, ',')).join(',')}\n`)
  await writeWhole(file, lines.join(''))
}

function inOrder(rows: readonly LabelledRow[]): LabelledRow[] {
  return [...rows].sort((a, b) => a.row.row - b.row.row)
}

function shown(value: number | undefined): string {
  return value === undefined ? '' : String(value)
}
