import { open, rm } from 'node:fs/promises'
import { unwritable } from './file_errors.ts'
import {
  type EarlierRun,
  FINISHED,
  type LedgerEntry,
  type LedgerSettings,
  readEntry,
  readLedger,
  setAsideUnfinished,
} from './ledger_history.ts'

/**
 * What was sent and what came back, a line of JSON each, appended in the order in which it happens. The first line says what
 * the ledger belongs to. Answers are kept in it until everything else is written, so that a run that was killed at any moment
 * goes on without asking again.
 */
export interface Ledger {
  /** Undefined where this run starts from nothing. */
  readonly earlier: EarlierRun | undefined
  /** Where the ledger of an earlier run is now that had not ended and is not gone on with: its answers may have been paid for. */
  readonly setAside: string | undefined
  /** All slots that an earlier run answered are below it. */
  readonly slots: number
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
  const setAside = isResumed ? undefined : await setAsideUnfinished(file)
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
    setAside,
    slots: found?.places.length ?? 0,
    answered: async slot => (found?.places[slot] ? readEntry(handle, file, found.places[slot]!) : undefined),
    append: entry => write(`${JSON.stringify(entry)}\n`),
    finish: () => write(FINISHED),
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

/** What the caller may not expect where a ledger was set aside. */
export function setAsideNote(file: string): string {
  return `An earlier run of this output had not ended, and this one starts anew without --resume: what that one was answered is kept in ${file}.`
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
