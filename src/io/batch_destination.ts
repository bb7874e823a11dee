import { type BatchSettings, type BatchState, findState, removeState, writeState } from './batch_state.ts'
import { fingerprint } from './byte_source.ts'
import type { Position, Reject } from './framing.ts'
import { commitPartial, discardPartial, openPartial } from './partial_file.ts'
import { createRejectsFile, shownReject } from './rejects_file.ts'

/** Running counts of a batch. */
export interface BatchCounts {
  readonly rows: number
  /** Rows that went to each model. */
  readonly byModel: Readonly<Record<string, number>>
  readonly rejected: number
}

/** Where a batch goes. Calls follow one another; none overlap. */
export interface BatchDestination {
  /** What an earlier run has done; undefined where this one starts from the first row. */
  readonly earlier: BatchState | undefined
  /** Takes the rows of a segment. Remembers, where it can, that everything before `next` is done. */
  accept(output: Uint8Array, rejects: readonly Reject[], next: Position, counts: BatchCounts): Promise<void>
  /** Everything is written: gives the files their names. */
  finish(counts: BatchCounts): Promise<void>
  /** Leaves what `--resume` can go on from; where it cannot, nothing. Returns whether it can. */
  leave(): Promise<boolean>
  /** Leaves nothing, or only the rejected rows. */
  discard(keepRejects: boolean): Promise<void>
}

/**
 * Writes to files. With an input that can be read again, its progress is kept beside the output.
 * @param header goes before the first row.
 * @throws UsageError where `isResumed` and the output belongs to something else.
 */
export async function createFileDestination(
  output: string,
  rejectsFile: string,
  header: Uint8Array,
  { input, settings, isResumed }: { input: string; settings: BatchSettings; isResumed: boolean },
): Promise<BatchDestination> {
  const sha256 = await fingerprint(input)
  const earlier = isResumed && sha256 ? await findState(output, rejectsFile, sha256, settings) : undefined
  const none = { next: null, rows: 0, byModel: {}, rejected: 0, outputLength: 0, rejectsLength: 0, isFinished: false }
  let state: BatchState | undefined = sha256 ? (earlier ?? { version: 1, input: sha256, settings, ...none }) : undefined
  if (earlier?.isFinished) {
    await commitPartial(rejectsFile)
    await commitPartial(output)
    return { ...UNUSED, earlier }
  }
  // The state comes first: it must never speak of more than the files below hold.
  if (!state) await removeState(output)
  else if (!earlier) await writeState(output, state)
  const file = await openPartial(output, earlier?.outputLength ?? 0)
  const rejects = await createRejectsFile(rejectsFile, earlier?.rejectsLength ?? 0)
  return { earlier, accept, finish, leave, discard }

  async function accept(rows: Uint8Array, bad: readonly Reject[], next: Position, counts: BatchCounts): Promise<void> {
    if (rows.length > 0) {
      if (file.length() === 0) await file.write(header)
      await file.write(rows)
    }
    await rejects.write(bad)
    await remember({ ...counts, next })
  }

  async function finish(counts: BatchCounts): Promise<void> {
    await file.close()
    await rejects.close()
    await remember({ ...counts, isFinished: true })
    await rejects.commit()
    await commitPartial(output)
  }

  async function leave(): Promise<boolean> {
    if (state) await Promise.allSettled([file.close(), rejects.close()])
    else await discard(false)
    return state !== undefined
  }

  async function discard(keepRejects: boolean): Promise<void> {
    await Promise.allSettled([file.close(), rejects.close()])
    await discardPartial(output)
    if (keepRejects) await rejects.commit()
    else await discardPartial(rejectsFile)
    await removeState(output)
  }

  async function remember(change: Partial<BatchState>): Promise<void> {
    if (!state) return
    state = { ...state, ...change, outputLength: file.length(), rejectsLength: rejects.length() }
    await writeState(output, state)
  }
}

/**
 * Writes rows through a function, such as standard output.
 * @param rejectsFile where rejected rows go; without it they go to `onReject` as lines of CSV.
 */
export async function createStreamDestination(
  write: (bytes: Uint8Array) => Promise<void>,
  header: Uint8Array,
  rejectsFile: string | undefined,
  onReject: (line: string) => void,
): Promise<BatchDestination> {
  const rejects = rejectsFile === undefined ? undefined : await createRejectsFile(rejectsFile, 0)
  let isBegun = false
  return {
    earlier: undefined,
    async accept(rows, bad) {
      if (rows.length > 0 && !isBegun) await write(header)
      isBegun ||= rows.length > 0
      if (rows.length > 0) await write(rows)
      if (rejects) await rejects.write(bad)
      else for (const reject of bad) onReject(shownReject(reject, MOST_SHOWN))
    },
    async finish() {
      await rejects?.close()
      await rejects?.commit()
    },
    async leave() {
      if (rejectsFile !== undefined) await discardPartial(rejectsFile)
      return false
    },
    async discard(keepRejects) {
      await rejects?.close()
      if (keepRejects) await rejects?.commit()
      else if (rejectsFile !== undefined) await discardPartial(rejectsFile)
    },
  }
}

/** Characters of a rejected row where it goes to people instead of a file. */
const MOST_SHOWN = 1000

/** Of a run that was finished before: there is nothing to do. */
const UNUSED: Omit<BatchDestination, 'earlier'> = {
  async accept() {},
  async finish() {},
  leave: async () => true,
  async discard() {},
}
