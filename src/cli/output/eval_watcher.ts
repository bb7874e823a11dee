import type { ChalkInstance } from 'chalk'
import type { Measurement } from '../../evaluation/benchmark.ts'
import type { StageWatcher } from '../eval_run.ts'
import { renderEvalTable } from './eval_table.ts'

/** Draws the table on the terminal while it fills in. Loads ink. `order`: ids of the lines. */
export async function watchLive(head: string, order: readonly string[], colors: ChalkInstance): Promise<StageWatcher> {
  const { openLiveView } = await import('../live/eval_live.tsx')
  const measured = new Map<string, Measurement>()
  let current = { id: 'length', done: 0, total: 1 }
  const props = () => {
    const { id, done, total } = current
    const lines = order.map(line => {
      const figures = measured.get(line)
      return figures ? { id: line, measured: figures } : { id: line, pending: line === id ? '…' : '' }
    })
    const hasCosts = [...measured.values()].some(({ costPer1000 }) => costPer1000 !== null)
    return {
      head,
      table: renderEvalTable(lines, colors, hasCosts, process.stdout.columns),
      status: total > 1 ? `${id}: ${done} of ${total} fits` : id,
      done: (measured.size + done / total) / order.length,
    }
  }
  const view = openLiveView(props())
  return {
    async onProgress(id, done, total) {
      current = { id, done, total }
      await view.show(props())
    },
    async onMeasured(measurement) {
      measured.set(measurement.id, measurement)
      await view.show(props())
    },
    stop: () => view.stop(),
  }
}

/** Says on standard error, where that is a terminal, what is being measured. */
export function watchQuietly(stream: NodeJS.WriteStream): StageWatcher {
  const say = (text: string) => {
    if (stream.isTTY) stream.write(`\r\u001b[2K${text}`)
  }
  return {
    onProgress: (id, done, total) => say(total > 1 ? `${id}: ${done} of ${total} fits …` : `${id} …`),
    onMeasured: () => {},
    stop: () => say(''),
  }
}
