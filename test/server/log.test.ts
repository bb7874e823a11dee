import { expect, test } from 'vitest'
import { clientGone } from '../../src/server/envelope.ts'
import { createServerLog } from '../../src/server/log.ts'
import type { Exchange } from '../../src/server/server_types.ts'

const lines = (write: (log: ReturnType<typeof createServerLog>) => void) => {
  const written: string[] = []
  write(createServerLog({ write: line => written.push(line) }, { level: 'info', logsPrompts: false }))
  return written.map(line => JSON.parse(line))
}
const exchange = (more: Partial<Exchange>): Exchange => ({
  ...{ id: '1', client: { name: '' }, path: '/chat/completions', asked: 'auto', started: 0, request: { prompt: 'hi' } },
  ...{ status: 200, ending: 'whole', attempts: [], isStream: true, isCached: false, latency: 1 },
  ...more,
})

test.each<[Partial<Exchange>, number, string | undefined]>([
  [{}, 30, undefined],
  [{ ending: 'abandoned' }, 30, 'The client went away before its answer was complete.'],
  [{ ending: 'abandoned', error: clientGone().error }, 30, 'The client went away before its answer was complete.'],
  [{ ending: 'cut' }, 40, 'The model broke off before its answer was complete.'],
  [{ ending: 'stopped' }, 40, 'The server stopped before the answer was complete.'],
  [
    { ending: 'failed', error: { status: 502, type: 't', code: null, message: 'big', detail: 'big (host)' } },
    40,
    'big (host)',
  ],
])('%j is told plainly', (more, level, error) => {
  const [line] = lines(log => log.exchange(exchange(more)))
  expect([line.level, line.msg, line.error]).toEqual([level, 'request', error])
})

test('who goes away before anything was decided was not refused', () => {
  const [gone, refused] = lines(log => {
    log.refusal({ id: '1', path: '/v1/chat/completions', error: clientGone().error })
    log.refusal({ id: '2', path: '/x', error: { status: 404, type: 't', code: 'unknown_url', message: 'm' } })
  })
  expect(gone).toMatchObject({
    ...{ level: 30, msg: 'request', request: '1' },
    error: 'The client went away before it was decided who answers.',
  })
  expect(refused).toMatchObject({ level: 40, msg: 'refused', request: '2', status: 404, code: 'unknown_url' })
})
