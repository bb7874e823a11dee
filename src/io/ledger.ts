import { type FileHandle, open, rm, truncate } from 'node:fs/promises'
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

/**
 * What was sent and what came back, a line of JSON each, appended in the order in which it happens. The first line says what
 * the ledger belongs to. Answers are kept in it until everything else is written, so that a run that was killed at any moment
 * goes on without asking again.
 */
export interface Ledger {
  /** Undefined where this run starts from nothing. */
  readonly earlier: EarlierRun | undefined
  /** What an earlier run answered for the slot. Throws DataError where it can no longer be read. */
  answered(slot: number): Promise<LedgerEntry | undefined>
  /** Appends; resolved when the operating system has it, which outlives a kill. Throws DataError where it cannot, as when the disk is full. */
  append(entry: LedgerEntry): Promise<void>
  /** Remembers that nothing is left to do. */
  finish(): Promise<void>
  /** Makes sure that it is on the disk, and closes. */
  close(): Promise<void>
  /** Closes and removes it. */
  discard(): Promise<void>
}

/** Where the ledger of the run that writes `output` is kept. */
export function ledgerFile(output: string): string {
  return `${output}.ledger.jsonl`
}

/**
 * Opens the ledger of a run: empty, or where `isResumed` as an earlier run has left it. A last line that a kill has cut is
 * taken off.
 * @param input sha256 of what is asked about, in hex.
 * @param slotOf 0 and up; small, since slots are kept in arrays.
 * @throws UsageError where the earlier run had another input or other settings; DataError.
 */
export async function openLedger(file: string, { input, settings, isResumed, slotOf }: LedgerParts): Promise<Ledger> {
  const head = { version: 1, input, settings }
  const found = isResumed ? await readLedger(file, head, slotOf) : undefined
  const handle = await open(file, found ? 'r+' : 'w+').catch(error => {
    throw unwritable(file, error)
  })
  let length = found?.length ?? 0
  let text = ''
  let written: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  if (!found) await write(`${JSON.stringify(head)}\n`)
  return {
    earlier: found?.earlier,
    answered: async slot => (found?.places[slot] ? readEntry(handle, file, found.places[slot]!) : undefined),
    append: entry => write(`${JSON.stringify(entry)}\n`),
    finish: () => write(`${JSON.stringify({ status: 'finished' })}\n`),
    async close() {
      await written
      await handle.datasync()
      await handle.close()
    },
    async discard() {
      await written
      await handle.close()
      await rm(file, { force: true })
    },
  }

  /** What is appended while a write is under way, or in the same turn of the event loop, goes with the next one. */
  function write(line: string): Promise<void> {
    text += line
    if (!next) {
      next = written.then(nextTurn).then(flush)
      written = next
    }
    return next
  }

  async function flush(): Promise<void> {
    next = undefined
    const bytes = Buffer.from(text)
    text = ''
    try {
      for (let from = 0; from < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, from, bytes.length - from, length)
        from += bytesWritten
        length += bytesWritten
      }
    } catch (error) {
      throw unwritable(file, error)
    }
  }
}

/** What a ledger is opened with. */
export interface LedgerParts {
  readonly input: string
  readonly settings: LedgerSettings
  readonly isResumed: boolean
  slotOf(entry: LedgerEntry): number
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/** Where a line stands: its offset and its length, in bytes. */
type Place = readonly [offset: number, length: number]

interface Found {
  readonly earlier: EarlierRun
  /** By slot; absent where there is no answer. */
  readonly places: readonly (Place | undefined)[]
  readonly length: number
}

async function readLedger(
  file: string,
  head: { readonly input: string; readonly settings: LedgerSettings },
  slotOf: LedgerParts['slotOf'],
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

async function readEntry(handle: FileHandle, file: string, [offset, length]: Place): Promise<LedgerEntry> {
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
