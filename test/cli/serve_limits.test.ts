import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
let models: ModelServer

beforeAll(async () => {
  models = await startModelServer()
})
beforeEach(() => {
  models.instead = () => false
})
afterAll(() => models?.close())

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const RATE = 12

const config = () => `
models:
  small: { base_url: ${models.url}, input_price: 1, output_price: 2 }
policy: static
static: { default: small }
serve:
  keys:
    - { name: often, sha256: '${sha256('often')}', rate_limit: ${RATE} }
    - { name: free, sha256: '${sha256('free')}' }
`

describe.each([1, 2])('%d processes', workers => {
  let serve: ServeProcess
  beforeAll(async () => {
    serve = await startServe(folder.path, config(), { args: ['--workers', String(workers)] })
  })
  afterAll(async () => {
    expect([await serve?.stop(), serve?.stderr()]).toEqual([0, expect.not.stringContaining('bug')])
  })

  const post = (key: string, rest = {}) =>
    fetch(`${serve.url}/v1/chat/completions`, {
      method: 'POST',
      // Another connection each time, and with it maybe another worker.
      headers: { authorization: `Bearer ${key}`, connection: 'close' },
      body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }], ...rest }),
    })
  const count = (answers: readonly Response[], status: number) =>
    answers.filter(answer => answer.status === status).length

  test('a rate is one for all of them, and others are not held up', async () => {
    const started = performance.now()
    const answers = await Promise.all(Array.from({ length: 4 * RATE }, () => post('often')))
    const refilled = Math.ceil(((performance.now() - started) * RATE) / 60_000)
    const allowed = count(answers, 200)
    expect(allowed).toBeGreaterThanOrEqual(RATE)
    expect(allowed).toBeLessThanOrEqual(RATE + refilled)
    expect(count(answers, 429)).toBe(4 * RATE - allowed)
    const refused = answers.find(({ status }) => status === 429)!
    expect(refused.headers.get('retry-after')).toMatch(/^[1-5]$/)
    expect(await refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
    const free = await Promise.all(Array.from({ length: RATE }, () => post('free')))
    expect(count(free, 200)).toBe(RATE)
  })
})
