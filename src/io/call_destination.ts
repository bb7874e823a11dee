import type { Reject } from './framing.ts'
import { commitPartial, discardPartial, openPartial } from './partial_file.ts'
import { createRejectsFile } from './rejects_file.ts'

/** Where answered rows go. Calls follow one another; none overlap. */
export interface CallDestination {
  accept(output: Uint8Array, rejects: readonly Reject[]): Promise<void>
  /** Everything is written: gives the files their names. */
  finish(): Promise<void>
  /** Closes; what is there stays under its other name, and is written anew by the next run. */
  leave(): Promise<void>
  /** Leaves nothing. */
  discard(): Promise<void>
}

/** Writes to files, from the first row on: what an earlier run was answered comes from its ledger. */
export async function createCallDestination(
  output: string,
  rejectsFile: string,
  header: Uint8Array,
): Promise<CallDestination> {
  const file = await openPartial(output, 0)
  const rejects = await createRejectsFile(rejectsFile, 0)
  return {
    async accept(rows, bad) {
      if (file.length() === 0) await file.write(header)
      await file.write(rows)
      await rejects.write(bad)
    },
    async finish() {
      await file.close()
      await rejects.close()
      await rejects.commit()
      await commitPartial(output)
    },
    async leave() {
      await Promise.allSettled([file.close(), rejects.close()])
    },
    async discard() {
      await Promise.allSettled([file.close(), rejects.close()])
      await discardPartial(output)
      await discardPartial(rejectsFile)
    },
  }
}
