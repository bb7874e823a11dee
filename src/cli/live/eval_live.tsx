import { setTimeout } from 'node:timers/promises'
import { render } from 'ink'
import { EvalView, type EvalViewProps } from './eval_view.tsx'

/** A view on the terminal that is drawn anew on each `show` and leaves nothing behind. */
export interface LiveView {
  show(props: EvalViewProps): Promise<void>
  stop(): void
}

/** Opens the live view on standard output. */
export function openLiveView(props: EvalViewProps): LiveView {
  const view = render(<EvalView {...props} />, { maxFps: 200, patchConsole: false })
  return {
    async show(next) {
      view.rerender(<EvalView {...next} />)
      // Measuring keeps the thread busy: the frame is only drawn when it is let go for a moment.
      await setTimeout(10)
    },
    stop() {
      view.clear()
      view.unmount()
    },
  }
}
