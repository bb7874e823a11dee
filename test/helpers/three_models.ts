import { afterAll, afterEach, beforeAll } from 'vitest'
import { type ModelServer, startModelServer } from './model_server.ts'
import { type ServeProcess, startServe } from './serve_process.ts'
import { temporaryFolder } from './temporary_folder.ts'

const folder = temporaryFolder()
/** Three models at one address, which answer as a test says. */
export let models: ModelServer
let serve: ServeProcess | undefined

/** A server with this configuration, which ends with the test. */
export async function startWith(config: string, options?: Parameters<typeof startServe>[2]): Promise<ServeProcess> {
  serve = await startServe(folder.path, config, options)
  return serve
}

/** The same of the three models: `rest` of the configuration, and `more` models. */
export function start(rest = '', base = models.url, more = ''): Promise<ServeProcess> {
  return startWith(`
models:
  big: { base_url: ${base} }
  small: { base_url: ${base} }
  third: { base_url: ${base} }
${more}
pair: { strong: big, weak: small }
strategy: length
threshold: 0.5
retry: { attempts: 1 }
${rest.includes('fallback') ? rest : `fallback: [small, big]\n${rest}`}
`)
}

beforeAll(async () => {
  models = await startModelServer()
})
afterEach(async () => {
  models.instead = () => false
  await serve?.stop()
  serve = undefined
})
afterAll(() => models?.close())

export const ask = (model = 'auto', more: object = {}) => ({
  model,
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
})
export const post = ({ url }: ServeProcess, body: object, path = '/v1/chat/completions', headers = {}) =>
  fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body), headers })
