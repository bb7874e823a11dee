import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import type { Sample, Series } from './series.ts'

/** A metric of a process as it can be sent. */
export type Figures = Omit<Series, 'get'> & { readonly values: readonly Sample[] }

/** Milliseconds for which figures are good. */
const FRESH = 1000

/**
 * CPU, memory, event-loop delay and garbage collection of this process, measured from the call on. The delay is that since it was
 * read last: whoever reads within a second gets the same figures as the one before.
 */
export function watchProcess(prefix: string, now = () => performance.now()): () => Promise<readonly Figures[]> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix })
  let readAt = Number.NEGATIVE_INFINITY
  let figures: Promise<readonly Figures[]>
  return () => {
    if (now() - readAt >= FRESH) {
      readAt = now()
      figures = registry.getMetricsAsJSON() as Promise<unknown> as Promise<readonly Figures[]>
    }
    return figures
  }
}

/** Metrics in Prometheus' text form. */
export async function render(metrics: readonly Series[]): Promise<{ readonly type: string; readonly body: string }> {
  const registry = new Registry()
  for (const metric of metrics) registry.registerMetric(metric as unknown as Metric)
  return { type: registry.contentType, body: await registry.metrics() }
}
