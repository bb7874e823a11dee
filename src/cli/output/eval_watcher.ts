import type { ChalkInstance } from 'chalk'
import type { Measurement } from '../../evaluation/benchmark.ts'
import type { StageWatcher } from '../eval_run.ts'
import { renderEvalTable } from './eval_table.ts'

/** Draws the table on the terminal while it fills in. Loads ink. `order`: ids of the lines. */
export async function watchLive(head: string, order: readonly string[], colors: ChalkInstance): Promise<StageWatcher> {
  const { openLiveView } = await import('../live/eval_live.tsx')
  const measured = new Map<string, Measurement>()
  let fits = { done: 0, total: 0 }
  const props = () => {
    const lines = order.map(id => {
      const figures = measured.get(id)
      return figures ? { id, measured: figures } : { id, pending: '…' }
    })
    const hasCosts = [...measured.values()].some(({ costPer1000 }) => costPer1000 !== null)
    return {
      head,
      table: renderEvalTable(lines, colors, hasCosts, process.stdout.columns),
      status: [`${measured.size} of ${order.length} lines`, ...(fits.total > 0 ? [fitted(fits)] : [])].join(', '),
      done: (measured.size + fits.done) / (order.length + fits.total),
    }
  }
  const view = openLiveView(props())
  return {
    async onFit(done, total) {
      fits = { done, total }
      await view.show(props())
    },
    async onMeasured(measurement) {
      measured.set(measurement.id, measurement)
      await view.show(props())
    },
    stop: () => view.stop(),
  }
}

/** Says on standard error, where that is a terminal, how far it has come. */
export function watchQuietly(stream: NodeJS.WriteStream): StageWatcher {
  const say = (text: string) => {
    if (stream.isTTY) stream.write(`\r\u001b[2K${text}`)
  }
  return {
    onFit: (done, total) => say(fitted({ done, total })),
    onMeasured: ({ id }) => say(`${id} is measured`),
    stop: () => say(''),
  }
}

function fitted({ done, total }: { readonly done: number; readonly total: number }): string {
  return `${done} of ${total} fits`
}
