import { basename } from 'node:path'
import { DataError } from '../errors.ts'
import { didYouMean } from '../registry.ts'
import { PROMPT_COLUMN } from './requests.ts'
import { readTable, type Table } from './table.ts'

/** Columns that may hold the model to choose; the first that is there does. */
const MODEL_COLUMNS = ['model', 'label']

/** Prompts with the model to choose for each, of one file or several. */
export interface LabelledFiles {
  readonly prompts: readonly string[]
  /** Places in `models`. */
  readonly labels: Int32Array
  /** In the order of their names. */
  readonly models: readonly string[]
  readonly files: readonly { readonly name: string; readonly rows: number; readonly sha256: string }[]
  /** Bad rows that were left out. */
  readonly skipped: number
}

/**
 * Reads CSV, TSV or JSONL with a prompt and a column `model` (or `label`) that names the model to choose.
 * @param skipBad leave rows without a model out, and count them, in place of throwing at the first.
 * @throws DataError naming the line; or where fewer than two models are named.
 */
export async function readLabelledPrompts(
  files: readonly string[],
  {
    promptColumn = PROMPT_COLUMN,
    skipBad = false,
  }: { readonly promptColumn?: string; readonly skipBad?: boolean } = {},
): Promise<LabelledFiles> {
  const prompts: string[] = []
  const names: string[] = []
  const read: { name: string; rows: number; sha256: string }[] = []
  let skipped = 0
  for (const file of files) {
    const table = await readTable(file, promptColumn)
    const before = prompts.length
    skipped += readRows(table, promptColumn, skipBad, (prompt, model) => {
      prompts.push(prompt)
      names.push(model)
    })
    const name = basename(file)
      .replace(/\.gz$/i, '')
      .replace(/\.\w+$/, '')
    read.push({ name, rows: prompts.length - before, sha256: table.sha256 })
  }
  const models = [...new Set(names)].sort()
  if (models.length < 2) {
    throw new DataError(
      files.join(', '),
      undefined,
      `expected two or more models to choose between in column model, got ${models.length === 1 ? 'one' : 'none'}. Add rows of others.`,
    )
  }
  const places = new Map(models.map((model, place) => [model, place]))
  return { prompts, labels: Int32Array.from(names, name => places.get(name)!), models, files: read, skipped }
}

/** Returns how many bad rows were left out. */
function readRows(
  { file, header, rows, lineOf }: Table,
  promptColumn: string,
  skipBad: boolean,
  add: (prompt: string, model: string) => void,
): number {
  const prompt = header.indexOf(promptColumn)
  const model = MODEL_COLUMNS.map(name => header.indexOf(name)).find(index => index >= 0)
  if (prompt < 0 || model === undefined) {
    const wanted = prompt < 0 ? promptColumn : 'model (the model to choose)'
    const hint =
      prompt < 0
        ? `${didYouMean(promptColumn, header)} Name the column of prompts with --prompt-column.`
        : ' Name the model of each prompt there.'
    throw new DataError(file, 1, `expected a column ${wanted}, got ${header.join(', ')}.${hint}`)
  }
  let skipped = 0
  for (const [i, cells] of rows.entries()) {
    const name = cells.length === header.length ? cells[model]!.trim() : ''
    if (name !== '') {
      add(cells[prompt]!, name)
      continue
    }
    skipped++
    if (skipBad) continue
    const got = cells.length === header.length ? 'an empty cell' : `${cells.length} fields`
    throw new DataError(
      file,
      lineOf(i),
      `expected a model in column ${header[model]}, got ${got}. Correct it or pass --skip-bad.`,
    )
  }
  return skipped
}
