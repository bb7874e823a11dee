import type { SingleBar } from 'cli-progress'

/** A line on standard error that says how far something has come. */
export interface Progress {
  /** @param note what else to say, such as a rate. */
  update(done: number, note?: string): void
  stop(): void
}

/**
 * Draws a bar with the time left on standard error where that is a terminal, and nothing elsewhere. What draws it is loaded
 * only then.
 * @param total what `done` goes up to; without it only label and note are shown.
 */
export function createProgress(label: string, total?: number): Progress {
  if (!process.stderr.isTTY) return { update() {}, stop() {} }
  let bar: SingleBar | undefined
  let latest: { done: number; note: string } = { done: 0, note: '' }
  let isStopped = false
  void start()
  return {
    update(done, note = '') {
      latest = { done, note }
      bar?.update(Math.min(done, total ?? 0), { note })
    },
    stop() {
      isStopped = true
      bar?.stop()
    },
  }

  async function start(): Promise<void> {
    const { default: progress } = await import('cli-progress')
    if (isStopped) return
    const shape = total === undefined ? '' : ' {bar} {percentage} % | {eta_formatted} left |'
    bar = new progress.SingleBar(
      {
        format: `${label}${shape} {note}`,
        stream: process.stderr,
        clearOnComplete: true,
        hideCursor: true,
        barsize: 30,
        fps: 8,
        etaBuffer: 50,
      },
      progress.Presets.shades_classic,
    )
    bar.start(total ?? 0, latest.done, { note: latest.note })
  }
}
