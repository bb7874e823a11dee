import { setTimeout } from 'node:timers/promises'
import { render } from 'ink'
import { EvalView, type EvalViewProps } from './eval_view.tsx'

/** A view on the terminal that is drawn anew on each `show` and leaves nothing behind. */
export interface LiveView {
  show(props: EvalViewProps): Promise<void>
  stop(): void
}

const SHOW_CURSOR = '\u001b[?25h'

/** Opens the live view on standard output. */
export function openLiveView(props: EvalViewProps): LiveView {
  const view = render(<EvalView {...props} />, { maxFps: 200, patchConsole: false })
  beKillable()
  return {
    async show(next) {
      view.rerender(<EvalView {...next} />)
      // Measuring keeps the thread busy: the frame is only drawn when it is let go for a moment.
      await setTimeout(10)
      beKillable()
    },
    stop() {
      view.clear()
      view.unmount()
    },
  }
}

/**
 * Lets Ctrl-C end the process at once. A listener (ink has one) would have to wait until measuring lets go of the thread, so
 * none may be left and the system ends it; the cursor, which ink hides, must be there by then.
 */
function beKillable(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal)
  process.stdout.write(SHOW_CURSOR)
}
