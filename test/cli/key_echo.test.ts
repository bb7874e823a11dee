import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const KEY = `sk-proj-${'Q7wE9rT2'.repeat(3)}-last`
const LONG = `sk-long-${Array.from({ length: 40 }, (_, i) => `z${i}`).join('')}`
const OWN = 'tenant-4711-secret'
const folder = temporaryFolder()
const run = (...args: string[]) =>
  runCli(args, { cwd: folder.path, env: { ECHO_KEY: KEY, ECHO_LONG: LONG, ECHO_OWN: OWN } })
let server: Server

/** What an endpoint of a model says, which is handed everything that is secret. */
const SAYS: Record<string, (key: string) => [status: number, headers: Record<string, string>, body: unknown]> = {
  code: key => [400, {}, { error: { message: key, type: key, code: key } }],
  type: key => [500, {}, { error: { message: `Bearer ${key}`, type: key } }],
  upper: key => [429, {}, { error: { code: key.toUpperCase(), status: key } }],
  google: key => [403, {}, [{ error: { status: key, message: key } }]],
  cut: key => [400, {}, { error: { code: `${key.slice(0, 20)}.cut` } }],
  kind: key => [200, { 'content-type': `text/${key}` }, 'x'],
  headers: key => [503, { 'x-request-id': key, 'retry-after': key, [key.slice(0, 20)]: key }, key],
  away: key => [302, { location: `http://127.0.0.1:9/${key}` }, key],
  own: () => [400, {}, { error: { code: OWN } }],
  long: key => [200, { 'content-type': `text/${key}` }, 'x'],
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const key = (request.headers.authorization ?? '').replace('Bearer ', '')
    const [status, headers, body] = SAYS[JSON.parse(text).model]!(key)
    response.writeHead(status, key, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  const models = Object.keys(SAYS).map(id => {
    const key = id === 'long' ? 'ECHO_LONG' : 'ECHO_KEY'
    return `  ${id}: { base_url: ${url}, api_key_env: ${key}, headers: { x-tenant: '${OWN}' } }`
  })
  folder.write(
    'llmroute.yaml',
    `models:\n${models.join('\n')}\npair: { strong: code, weak: kind }\nretry: { attempts: 2, first_wait: 1ms }\n`,
  )
  folder.write('rows.csv', `prompt,answer\n${'hi,1\n'.repeat(24)}`)
})
afterAll(() => new Promise(resolve => server.close(resolve)))

/** Any eight characters in a row of one. */
function leaked(text: string): string | undefined {
  const lower = text.toLowerCase()
  return [KEY, LONG, OWN]
    .flatMap(secret => Array.from({ length: secret.length - 7 }, (_, i) => secret.slice(i, i + 8).toLowerCase()))
    .find(part => lower.includes(part))
}

test.each(Object.keys(SAYS))('%s: an endpoint that quotes the key finds it nowhere', async model => {
  const policy = ['--policy', 'round_robin', '--models', model, '--log', 'log.jsonl']
  const { code, stdout, stderr } = await run('route', '--call', 'hi', '--json', ...policy)
  expect([code, leaked(stdout + stderr)]).toEqual([3, undefined])
  expect(stderr).toMatch(/got (?:status \d+|content type text\/)/)
})

test('nor is it in what batch and label write: rejects, ledger, decision log, outcomes', async () => {
  const models = Object.keys(SAYS)
  const policy = ['--policy', 'round_robin', '--models', models.join(','), '--log', 'log.jsonl', '--retries', '0']
  const batch = await run('batch', '--call', 'rows.csv', '-o', 'out.csv', ...policy)
  expect([batch.code, leaked(batch.stdout + batch.stderr)]).toEqual([1, undefined])
  const all = await run('route', '--call', 'hi', '--json', '--ensemble', models.join(','))
  expect([all.code, leaked(all.stdout + all.stderr)]).toEqual([3, undefined])
  const label = await run('label', 'rows.csv', '-o', 'labelled.csv', '--reference', 'answer', '--models', 'code,kind')
  expect([label.code, leaked(label.stdout + label.stderr)]).toEqual([1, undefined])
  const written = readdirSync(folder.path).filter(name => name !== 'llmroute.yaml')
  expect(written).toContain('out.csv.rejected.csv')
  expect(written).toContain('labelled.csv.ledger.jsonl')
  for (const name of written)
    expect([name, leaked(readFileSync(join(folder.path, name), 'utf8'))]).toEqual([name, undefined])
  expect(existsSync(join(folder.path, 'out.csv.ledger.jsonl'))).toBe(true)
  expect(readFileSync(join(folder.path, 'out.csv.rejected.csv'), 'utf8')).toContain('status 400 (***)')
})
