import { expect, test } from 'vitest'
import { createMetrics } from '../../src/server/metrics.ts'
import type { Exchange } from '../../src/server/server_types.ts'

const calm = { window: 0, share: null, target: null, z: null, isDrifting: false }
const exchange = (more: Partial<Exchange>): Exchange => ({
  ...{ id: '1', client: { name: '' }, path: '/v1/chat/completions', asked: 'small', started: 0 },
  ...{ request: { prompt: 'hi' }, status: 200, model: 'small', isStream: true, isCached: false, latency: 1 },
  ...{ ending: 'whole', attempts: [] },
  ...more,
})

test('the attempt of a stream that broke off failed; those before it are as they were, and what was not sent is none', async () => {
  const metrics = createMetrics({
    pool: () => ({ models: [] }),
    drift: () => calm,
    running: () => 0,
    waiting: () => 0,
    processes: async () => [],
  })
  const attempts = [
    { model: 'big', failure: 'status 500', latency: 3 },
    { model: 'third', failure: 'not called', latency: 0 },
    { model: 'small', latency: 2 },
  ]
  metrics.see(exchange({ attempts }))
  metrics.see(exchange({ attempts, ending: 'cut' }))
  metrics.see(exchange({ attempts, ending: 'abandoned' }))
  const { body } = await metrics.render()
  const lines = body.split('\n').filter(line => line.startsWith('llmroute_attempts_total{'))
  expect(lines.sort()).toEqual([
    'llmroute_attempts_total{model="big",outcome="failed"} 3',
    'llmroute_attempts_total{model="small",outcome="failed"} 1',
    'llmroute_attempts_total{model="small",outcome="ok"} 2',
  ])
})
