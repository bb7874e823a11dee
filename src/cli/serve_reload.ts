import { unwatchFile, watchFile } from 'node:fs'

/** Milliseconds between two looks at the file. */
const INTERVAL = 1000

/**
 * Calls `read` on SIGHUP and when the file has changed, one call after the other; the function it gives ends that.
 * @param file absent: SIGHUP alone.
 */
export function watchConfig(file: string | undefined, read: () => Promise<void>): () => void {
  const changed = oneAtATime(read)
  process.on('SIGHUP', changed)
  if (file !== undefined) watchFile(file, { interval: INTERVAL, persistent: false }, changed)
  return () => {
    process.off('SIGHUP', changed)
    if (file !== undefined) unwatchFile(file, changed)
  }
}

/**
 * Starts `work` when asked; asked while it runs, it runs once more afterwards, however often it was asked, so that the last run begins
 * after the last asking and nothing that was read earlier ends up over it.
 */
export function oneAtATime(work: () => Promise<void>): () => void {
  let isRunning = false
  let isAsked = false
  return () => {
    isAsked = true
    if (!isRunning) void run()
  }

  async function run(): Promise<void> {
    isRunning = true
    try {
      while (isAsked) {
        isAsked = false
        await work()
      }
    } finally {
      isRunning = false
    }
  }
}
