import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import type { Sample, Series } from './series.ts'

/** A metric of a process as it can be sent. */
export type Figures = Omit<Series, 'get'> & { readonly values: readonly Sample[] }

/** CPU, memory, event-loop delay and garbage collection of this process, measured from the call on. */
export function watchProcess(prefix: string): () => Promise<readonly Figures[]> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix })
  return async () => (await registry.getMetricsAsJSON()) as unknown as readonly Figures[]
}

/** Metrics in Prometheus' text form. */
export async function render(metrics: readonly Series[]): Promise<{ readonly type: string; readonly body: string }> {
  const registry = new Registry()
  for (const metric of metrics) registry.registerMetric(metric as unknown as Metric)
  return { type: registry.contentType, body: await registry.metrics() }
}
