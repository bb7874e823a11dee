/** Milliseconds after which another SIGINT is of a person, not the same one once more, as npm and others pass it on. */
const SAME = 500

/** Before it listens, and while it drains, SIGHUP would end it. To be called first. */
export function ignoreHangUp(): void {
  process.on('SIGHUP', () => {})
}

/**
 * Resolves when the process is told to end, by SIGTERM or SIGINT. What is under way then is let finish, so that from then on SIGTERM
 * changes nothing: whoever stops a whole group of processes reaches a worker twice. SIGINT once more, by somebody at a terminal who
 * does not want to wait, ends it at once with exit code 130.
 */
export function toldToEnd(): Promise<void> {
  let interrupted: number | undefined
  return new Promise(resolve => {
    process.on('SIGTERM', () => resolve())
    process.on('SIGINT', () => {
      interrupted ??= performance.now()
      if (performance.now() - interrupted > SAME) process.exit(130)
      resolve()
    })
  })
}
