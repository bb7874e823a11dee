import { afterEach, expect, test } from 'vitest'
import { createApp } from '../../src/server/app.ts'
import { type ListeningServer, listen } from '../../src/server/server.ts'
import type { RefusedRequest, ServerParts } from '../../src/server/server_types.ts'

/** Milliseconds that a decision takes the processor, and how many of them one batch asks for. */
const [EACH, MANY] = [6, 200]
const decision = { model: 'small', models: ['small'], plan: 'single', policy: 'slow' }
let server: ListeningServer | undefined

afterEach(() => server?.drain(0))

/** A server whose decisions take a while. */
async function slowServer() {
  const seen = { decided: 0, refused: [] as string[] }
  const decide = async () => {
    const end = performance.now() + EACH
    while (performance.now() < end);
    seen.decided++
    return decision
  }
  const parts = {
    routing: () => ({ pool: { models: [{ id: 'small' }] }, strategies: [], policyId: 'slow', decide }),
    admission: { identify: () => ({ name: '' }), allow: async () => {}, enter: () => () => {} },
    mostBytes: 1e6,
    now: () => performance.now(),
    onRefusal: ({ error }: RefusedRequest) => seen.refused.push(String(error.code)),
  } as unknown as ServerParts
  const health = () => ({ status: 200, type: 'text/plain', body: String(seen.decided) })
  server = await listen(createApp(parts, { '/health': health }, {}), {
    ...{ port: 0, host: '127.0.0.1' },
    ...{ headersTimeout: 10_000, requestTimeout: 10_000 },
  })
  const url = `http://127.0.0.1:${server.port}`
  const batch = (signal?: AbortSignal) =>
    fetch(`${url}/v1/route`, {
      method: 'POST',
      body: JSON.stringify({ requests: Array(MANY).fill('hi') }),
      ...(signal ? { signal } : {}),
    })
  const begun = async () => {
    while (seen.decided === 0) await new Promise(resolve => setTimeout(resolve, 1))
  }
  return { url, seen, batch, begun, server }
}

test('a batch lets others in between', async () => {
  const { url, batch, begun } = await slowServer()
  const answer = batch()
  await begun()
  expect(Number(await (await fetch(`${url}/health`)).text())).toBeLessThan(MANY)
  expect(await (await answer).json()).toEqual({ decisions: Array(MANY).fill(decision) })
})

test('a batch ends when its client has gone', async () => {
  const { batch, begun, seen } = await slowServer()
  const stop = new AbortController()
  const gone = batch(stop.signal).catch(() => 'gone')
  await begun()
  stop.abort()
  expect(await gone).toBe('gone')
  while (seen.refused.length === 0) await new Promise(resolve => setTimeout(resolve, 1))
  expect(seen.refused).toEqual(['client_gone'])
  expect(seen.decided).toBeLessThan(MANY)
})

test('a batch is told that the server stops', async () => {
  const { batch, begun, seen, server } = await slowServer()
  const answer = batch()
  await begun()
  expect(await server.drain(20)).toBe(1)
  expect((await answer).status).toBe(503)
  expect(await (await answer).json()).toMatchObject({ error: { code: 'server_stopping' } })
  expect(seen.refused).toEqual(['server_stopping'])
  expect(seen.decided).toBeLessThan(MANY)
})
