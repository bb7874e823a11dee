import { type FileHandle, rename, truncate } from 'node:fs/promises'
import { DataError, UsageError } from '../errors.ts'
import { unreadable, unwritable } from './file_errors.ts'
import { readLines } from './ledger_lines.ts'

/** What a run must have in common with the one that it goes on from. */
export type LedgerSettings = Readonly<Record<string, string | number | boolean | null>>

/** One line of a ledger: a call about to be made, or what came of it. `slot` tells calls apart: a row, or a row and a model. */
export interface LedgerEntry {
  readonly row: number
  readonly status: 'sent' | 'answered' | 'failed'
  readonly cost?: number | null
  readonly [field: string]: unknown
}

/** What an earlier run has left. */
export interface EarlierRun {
  readonly answered: number
  readonly failed: number
  /** Rows that were sent and have no answer: they may have been charged for, and are sent again. Ascending. */
  readonly inFlight: readonly number[]
  /** US dollars of all answers; those of unknown cost count nothing. */
  readonly cost: number
  /** US dollars of the dearest answer of each model. */
  readonly dearest: ReadonlyMap<string, number>
  /** Whether it came to its end. */
  readonly isFinished: boolean
}

/** The last line of a run that came to its end. */
export const FINISHED = '{"status":"finished"}\n'
const ANSWERED = '"status":"answered"'

/** Puts the ledger of a run that had not ended under another name, which it returns. */
export async function setAsideUnfinished(file: string): Promise<string | undefined> {
  let isUnfinished = false
  for await (const { bytes } of readLines(file))
    isUnfinished = bytes.includes(ANSWERED) || (isUnfinished && `${bytes}\n` !== FINISHED)
  if (!isUnfinished) return undefined
  const kept = `${file}.old`
  await rename(file, kept).catch(error => {
    throw unwritable(kept, error)
  })
  return kept
}

/** Where a line stands: its offset and its length, in bytes. */
export type Place = readonly [offset: number, length: number]

/** What an earlier run has written. */
export interface Found {
  readonly earlier: EarlierRun
  /** By slot; absent where there is no answer. */
  readonly places: readonly (Place | undefined)[]
  readonly length: number
}

/**
 * Reads a ledger, and takes off a last line that a kill has cut. Undefined where there is none.
 * @throws UsageError where it is about something else than `head`; DataError where it is none.
 */
export async function readLedger(
  file: string,
  head: { readonly input: string; readonly settings: LedgerSettings },
  slotOf: (entry: LedgerEntry) => number,
): Promise<Found | undefined> {
  const places: (Place | undefined)[] = []
  const sent = new Map<number, number>()
  let [line, length, cost, answered, isFinished] = [0, 0, 0, 0, false]
  const failed = new Set<number>()
  const dearest = new Map<string, number>()
  for await (const { offset, bytes } of readLines(file)) {
    line++
    const entry = parse(bytes, file, line)
    if (line === 1) requireSame(file, entry, head)
    else if (entry.status === 'finished') isFinished = true
    else {
      isFinished = false
      const slot = slotOf(entry as LedgerEntry)
      if (entry.status === 'sent') sent.set(slot, entry.row as number)
      else {
        sent.delete(slot)
        failed.delete(slot)
        if (entry.status === 'failed') failed.add(slot)
        else {
          places[slot] = [offset, bytes.length]
          answered++
        }
        const paid = (entry.cost as number | null | undefined) ?? 0
        cost += paid
        const model = String(entry.model)
        if (paid > (dearest.get(model) ?? 0)) dearest.set(model, paid)
      }
    }
    length = offset + bytes.length + 1
  }
  if (line === 0) return undefined
  await truncate(file, length)
  const inFlight = [...new Set(sent.values())].sort((a, b) => a - b)
  return { places, length, earlier: { answered, failed: failed.size, inFlight, cost, dearest, isFinished } }
}

/** The line at a place. Throws DataError where it can no longer be read. */
export async function readEntry(handle: FileHandle, file: string, [offset, length]: Place): Promise<LedgerEntry> {
  try {
    const { buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, offset)
    return JSON.parse(buffer.toString('utf8')) as LedgerEntry
  } catch (error) {
    throw unreadable(file, error)
  }
}

function parse(bytes: Buffer, file: string, line: number): Record<string, unknown> {
  try {
    const entry: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof entry === 'object' && entry !== null) return entry as Record<string, unknown>
  } catch {}
  throw new DataError(file, line, 'expected a line of a ledger, got something else. Leave out --resume to start anew.')
}

function requireSame(
  file: string,
  entry: Record<string, unknown>,
  { input, settings }: { readonly input: string; readonly settings: LedgerSettings },
): void {
  const other = (what: string) =>
    new UsageError(`--resume: expected ${what} with which ${file} was begun. Leave out --resume to start anew.`)
  if (entry.version !== 1) throw new DataError(file, 1, 'expected a ledger, got something else.')
  if (entry.input !== input) throw other('the same input as the one')
  const was = entry.settings as LedgerSettings
  for (const name of new Set([...Object.keys(settings), ...Object.keys(was)])) {
    if (was[name] !== settings[name]) {
      throw other(`${name} ${was[name] ?? 'not set'}, got ${settings[name] ?? 'not set'}: the options`)
    }
  }
}
