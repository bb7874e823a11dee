import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json, type ModelServer, startModelServer } from '../helpers/model_server.ts'
import { type ServeProcess, startServe } from '../helpers/serve_process.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const run = promisify(execFile)
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path =>
  existsSync(path),
)
const folder = temporaryFolder()
let models: ModelServer
let serve: ServeProcess

beforeAll(async () => {
  models = await startModelServer()
  const config = `
models:
  big: { base_url: ${models.url}, input_price: 10, output_price: 30 }
  small: { base_url: ${models.url}, input_price: 1, output_price: 2 }
  broken: { base_url: ${models.url} }
pair: { strong: big, weak: small }
strategy: length
threshold: 0.5
retry: { attempts: 1 }
breaker: { failures: 1 }
`
  serve = await startServe(folder.path, config)
  models.instead = ({ body }, response) => body.model === 'broken' && json(response, 500, {})
  const post = (model: string, content: string) =>
    fetch(`${serve.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
    })
  const long = 'Explain at length and with every detail how this works. '.repeat(20)
  for (let i = 0; i < 30; i++) await post('auto', i % 3 ? `hi ${i}` : long + i)
  await post('broken', 'hi')
  await post('<script>alert(1)</script>', 'hi')
  await post('nothing <b>&"\' here', '<img src=x onerror=alert(1)>')
})
afterAll(async () => {
  await serve?.stop()
  await models?.close()
})

/** A browser, and what it writes. SERVE_SCREENSHOTS=folder keeps its pictures. */
const browse = (...args: string[]) =>
  run(
    CHROMIUM!,
    ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(folder.path, 'profile')}`, ...args],
    {
      timeout: 60_000,
    },
  )

test('the page says what happened, escapes what was asked for, and asks nobody else', async () => {
  const answer = await fetch(serve.url)
  const page = await answer.text()
  expect(page).toContain('<b>31</b>')
  expect(page).toContain('Saved against all strong')
  expect(page).toContain('✕ breaker open')
  expect(page).toMatch(/length: win rate 0\.\d{3} ≥ 0\.500/)
  expect(page).not.toContain('alert(1)')
  expect(page).not.toContain('hi 1')
  expect(page).not.toMatch(/(?:src|href)=|https?:|@import|url\(/)
  expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none';/)
  expect(answer.headers.get('cache-control')).toBe('no-store')
})

describe.skipIf(!CHROMIUM)('in headless Chromium (skipped where there is none)', () => {
  test('it shows itself again by itself, without an error and without asking anybody else', async () => {
    // Everything that the browser asks for goes through here.
    const asked: string[] = []
    const proxy = createServer(async (request, response) => {
      asked.push(request.url!)
      if (!request.url!.startsWith(serve.url)) return response.writeHead(502).end()
      const answer = await fetch(request.url!)
      const headers = Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('content-')))
      delete headers['content-length']
      response.writeHead(answer.status, headers).end(await answer.text())
    })
    proxy.on('connect', (request, socket) => {
      asked.push(request.url!)
      socket.destroy()
    })
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
    const through = `--proxy-server=http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const quiet = ['--disable-background-networking', '--disable-component-update', '--no-first-run', '--disable-sync']
    const { stdout, stderr } = await browse(
      through,
      '--proxy-bypass-list=<-loopback>',
      ...quiet,
      '--enable-logging=stderr',
      '--virtual-time-budget=7000',
      '--dump-dom',
      `${serve.url}/`,
    )
    await new Promise(resolve => proxy.close(resolve))
    expect(stdout).toContain('<b>31</b>')
    expect(stderr).not.toMatch(/CONSOLE.*(?:error|refused|violates)/i)
    const ours = asked.filter(url => url.startsWith(serve.url))
    expect(new Set(ours)).toEqual(new Set([`${serve.url}/`]))
    expect(ours.length).toBeGreaterThan(1)
    expect(asked.filter(url => !url.startsWith(serve.url) && !/google|gvt1|chrome/.test(url))).toEqual([])
  })

  test.each(['light', 'dark'])('it is drawn: %s', async scheme => {
    const file = join(process.env.SERVE_SCREENSHOTS ?? folder.path, `status_${scheme}.png`)
    const dark =
      scheme === 'dark'
        ? ['--force-dark-mode', '--blink-settings=preferredColorScheme=0']
        : ['--blink-settings=preferredColorScheme=1']
    await browse(...dark, '--window-size=1200,1100', `--screenshot=${file}`, `${serve.url}/`)
    expect(existsSync(file)).toBe(true)
  })
})
