import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { ApiFailure } from './envelope.ts'

/** Pages of this machine, and programs that are web pages inside; as Ollama has it. A browser sends no other page under these. */
const OWN =
  /^(?:https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?|(?:app|file|tauri|vscode-webview|vscode-file):\/\/.*)$/i

/** What a page may read of an answer's headers. */
const SHOWN =
  'retry-after, x-request-id, x-llmroute-attempts, x-llmroute-cache, x-llmroute-model, x-llmroute-policy, x-llmroute-request-id, x-llmroute-strategy, x-llmroute-threshold, x-llmroute-win-rate'

/** Seconds for which a browser need not ask again. */
const KNOWN_FOR = '7200'

/**
 * Meets a request that a web page sends. Any page that somebody looks at could ask a server on their machine, and spend what it
 * spends: only those that are allowed may. Answers what a browser asks before it sends a request (CORS).
 * @param allowed origins beside those of this machine; `*` for all.
 * @returns whether it is answered.
 * @throws ApiFailure (403) for a page that may not ask.
 */
export function meetPage(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  allowed: readonly string[],
): boolean {
  const { origin = '' } = headers
  const isAllowed = OWN.test(origin) || allowed.some(one => one === '*' || one.toLowerCase() === origin.toLowerCase())
  if (!isAllowed) {
    // Without our leave a browser shows no answer to the page; what changes nothing is answered.
    if (method === 'GET' || method === 'HEAD') return false
    throw new ApiFailure({
      status: 403,
      type: 'invalid_request_error',
      code: 'origin_not_allowed',
      message: 'This web page may not ask. Add its origin to serve.origins in llmroute.yaml.',
    })
  }
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('vary', 'origin')
  response.setHeader('access-control-expose-headers', SHOWN)
  const { 'access-control-request-method': asked, 'access-control-request-headers': wanted } = headers
  if (method !== 'OPTIONS' || asked === undefined) return false
  response.setHeader('access-control-allow-methods', 'GET, POST')
  if (typeof wanted === 'string' && /^[\w, -]{1,2000}$/.test(wanted)) {
    response.setHeader('access-control-allow-headers', wanted)
  }
  if (headers['access-control-request-private-network'] === 'true') {
    response.setHeader('access-control-allow-private-network', 'true')
  }
  response.setHeader('access-control-max-age', KNOWN_FOR)
  response.writeHead(204).end()
  return true
}

/**
 * Refuses to be read under a name that anybody can register and lead to this machine (DNS rebinding): a browser takes what it gets
 * there for the page's own. An address, a name without a dot, `*.localhost` and `*.internal` (of container engines) are nobody's.
 * @param allowed origins whose hosts may be asked for as well; `*` for all.
 * @throws ApiFailure (403) for another name.
 */
export function requireOwnHost({ host = '' }: IncomingMessage['headers'], allowed: readonly string[]): void {
  const name = host.replace(/:\d*$/, '').toLowerCase()
  if (!name.includes('.') || isIP(name) !== 0 || name.endsWith('.localhost') || name.endsWith('.internal')) return
  if (allowed.some(one => one === '*' || hostnameOf(one) === name)) return
  throw new ApiFailure({
    status: 403,
    type: 'invalid_request_error',
    code: 'host_not_allowed',
    message:
      'This server has no keys, and shows what it knows under the names of this machine alone, such as localhost. Add https:// and the name that was asked for to serve.origins in llmroute.yaml, or make a key with llmroute keys add NAME.',
  })
}

/** Of an origin, in lower case; undefined where it is none. */
function hostnameOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).hostname : undefined
}
