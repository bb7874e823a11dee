import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { DataError, UsageError } from '../errors.ts'
import { unwritable } from './file_errors.ts'
import type { Position } from './framing.ts'
import { lengthOf, partialLength } from './partial_file.ts'

/** Everything that decides what a run writes, apart from the input. */
export type BatchSettings = Readonly<Record<string, string | number | null>>

/** How far a run has come. Written as JSON beside the output; it holds no prompt. */
export interface BatchState {
  readonly version: 1
  /** sha256 of the input's stored bytes, in hex. */
  readonly input: string
  readonly settings: BatchSettings
  /** Where to read on; null where nothing is done yet. */
  readonly next: Position | null
  readonly rows: number
  /** Rows that went to each model. */
  readonly byModel: Readonly<Record<string, number>>
  readonly rejected: number
  /** Bytes of the output, and of the file of rejected rows, that belong to this state. */
  readonly outputLength: number
  readonly rejectsLength: number
  readonly isFinished: boolean
}

/** Where the state of the run that writes `output` is kept. */
export function stateFile(output: string): string {
  return `${output}.resume.json`
}

/** Writes the state whole or not at all. Throws DataError where it cannot be written. */
export async function writeState(output: string, state: BatchState): Promise<void> {
  const file = stateFile(output)
  try {
    await writeFile(`${file}.partial`, `${JSON.stringify(state)}\n`)
    await rename(`${file}.partial`, file)
  } catch (error) {
    throw unwritable(output, error)
  }
}

/** Removes the state of the run that writes `output`, if there is one. */
export async function removeState(output: string): Promise<void> {
  await rm(stateFile(output), { force: true })
  await rm(`${stateFile(output)}.partial`, { force: true })
}

/**
 * The state to go on from; undefined where the run has to start from the first row.
 * @param rejects the file of rejected rows.
 * @throws UsageError where the output belongs to another input, to other options or to no known run.
 */
export async function findState(
  output: string,
  rejects: string,
  input: string,
  settings: BatchSettings,
): Promise<BatchState | undefined> {
  const state = await readState(output)
  const present = await lengthOf(output)
  if (!state) {
    if (present === undefined) return undefined
    throw new UsageError(
      `--resume: expected ${stateFile(output)} beside the output, got none. Leave out --resume to write ${output} anew.`,
    )
  }
  requireSame(output, state, input, settings)
  const partial = await partialLength(output)
  if (!state.isFinished) {
    const isWhole = (partial ?? 0) >= state.outputLength && ((await partialLength(rejects)) ?? 0) >= state.rejectsLength
    return isWhole && state.next ? state : undefined
  }
  if (partial === state.outputLength || present === state.outputLength) return state
  if (present === undefined) return undefined
  throw new UsageError(
    `--resume: expected ${output} as it was finished (${state.outputLength} bytes), got ${present} bytes. Leave out --resume to write it anew.`,
  )
}

async function readState(output: string): Promise<BatchState | undefined> {
  const file = stateFile(output)
  if ((await lengthOf(file)) === undefined) return undefined
  try {
    const state = JSON.parse(await readFile(file, 'utf8')) as BatchState
    if (state.version === 1 && typeof state.settings === 'object') return state
  } catch {}
  throw new DataError(file, undefined, 'expected the state of a batch run, got something else. Leave out --resume.')
}

function requireSame(output: string, state: BatchState, input: string, settings: BatchSettings): void {
  const other = (what: string) =>
    new UsageError(`--resume: expected ${what} with which ${output} was begun. Leave out --resume to write it anew.`)
  if (state.input !== input) throw other('the same input as the one')
  const names = new Set([...Object.keys(settings), ...Object.keys(state.settings)])
  for (const name of names) {
    const [was, is] = [state.settings[name], settings[name]]
    if (was !== is) throw other(`${name} ${was ?? 'not set'}, got ${is ?? 'not set'}: the options`)
  }
}
