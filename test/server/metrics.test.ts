import { expect, test } from 'vitest'
import { createMetrics, type Metrics } from '../../src/server/metrics.ts'
import type { Exchange } from '../../src/server/server_types.ts'

const calm = { window: 0, share: null, target: null, z: null, isDrifting: false }
const exchange = (more: Partial<Exchange>): Exchange => ({
  ...{ id: '1', client: { name: '' }, path: '/v1/chat/completions', asked: 'small', started: 0 },
  ...{ request: { prompt: 'hi' }, status: 200, model: 'small', isStream: true, isCached: false, latency: 1 },
  ...{ ending: 'whole', attempts: [] },
  ...more,
})

const metricsOf = () =>
  createMetrics({
    pool: () => ({ models: [] }),
    drift: () => calm,
    running: () => 0,
    waiting: () => 0,
    processes: async () => [],
  })

/** Series of one name, sorted. */
const series = async (metrics: Metrics, name: string) => {
  const { body } = await metrics.render()
  const lines = body.split('\n').filter(line => line.startsWith(`llmroute_${name}{`))
  return lines.map(line => line.slice(`llmroute_${name}`.length)).sort()
}

test('tokens of an answer from the cache are none of the model', async () => {
  const metrics = metricsOf()
  const usage = { inputTokens: 3, outputTokens: 2, isEstimated: false }
  metrics.see(exchange({ usage, cost: 0, isCached: true }))
  expect(await series(metrics, 'tokens_total')).toEqual([])
  metrics.see(exchange({ usage, cost: 0.1 }))
  expect(await series(metrics, 'tokens_total')).toEqual([
    '{model="small",key="",kind="input",estimated="false"} 3',
    '{model="small",key="",kind="output",estimated="false"} 2',
  ])
})

test('tokens and dollars of a plan are those of each model, whoever answered', async () => {
  const metrics = metricsOf()
  const usage = { inputTokens: 3, outputTokens: 0, isEstimated: false }
  const spent = [
    { model: 'big', usage, cost: 0.25 },
    { model: 'judge', usage },
    { model: 'small', cost: 0 },
  ]
  metrics.see(exchange({ usage: { ...usage, inputTokens: 6 }, cost: 0.25, spent }))
  metrics.see(exchange({ model: undefined, ending: 'abandoned', cost: 0.25, spent: [spent[0]!] }))
  expect((await series(metrics, 'tokens_total')).filter(line => line.includes('input'))).toEqual([
    '{model="big",key="",kind="input",estimated="false"} 6',
    '{model="judge",key="",kind="input",estimated="false"} 3',
  ])
  expect(await series(metrics, 'dollars_total')).toEqual(['{model="big",key=""} 0.5', '{model="small",key=""} 0'])
})

test('the attempt of a stream that broke off failed; those before it are as they were, and what was not sent is none', async () => {
  const metrics = metricsOf()
  const attempts = [
    { model: 'big', failure: 'status 500', latency: 3 },
    { model: 'third', failure: 'not called', latency: 0 },
    { model: 'small', latency: 2 },
  ]
  metrics.see(exchange({ attempts }))
  metrics.see(exchange({ attempts, ending: 'cut' }))
  metrics.see(exchange({ attempts, ending: 'abandoned' }))
  expect(await series(metrics, 'attempts_total')).toEqual([
    '{model="big",outcome="failed"} 3',
    '{model="small",outcome="failed"} 1',
    '{model="small",outcome="ok"} 2',
  ])
})
