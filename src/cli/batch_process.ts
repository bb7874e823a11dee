import { unwritable } from '../io/file_errors.ts'

/** Signals that stop a batch so that it can be resumed, and the exit codes shells expect of them. */
const STOPS = { SIGINT: 130, SIGTERM: 143 } as const

/** What is said where a run can go on. */
export const GO_ON = 'what is done is kept; the same command with --resume goes on from there.\n'

/** A signal that Ctrl-C aborts, once: the next one ends the process as it is. */
export function stopSignal(): { readonly signal: AbortSignal /** 0 before it is aborted. */; exitCode(): number } {
  const stop = new AbortController()
  let exitCode = 0
  for (const [signal, code] of Object.entries(STOPS)) {
    process.once(signal, () => {
      exitCode = code
      stop.abort()
    })
  }
  return { signal: stop.signal, exitCode: () => exitCode }
}

/** Waits until the bytes are taken, so that a slow reader slows the batch. */
export function writeOut(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, error => (error ? reject(unwritable('standard output', error)) : resolve()))
  })
}
