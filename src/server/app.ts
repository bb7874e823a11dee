import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { complete, type ModelPath, namesOf } from './completions.ts'
import { ApiFailure, apiErrorOf, invalidRequest } from './envelope.ts'
import { answerError } from './error_answer.ts'
import { whenGone } from './gone.ts'
import { meetPage, requireOwnHost } from './origin.ts'
import { hasArrived } from './received.ts'
import { decideOnly } from './route_endpoint.ts'
import type { Client, OnGone, ServerParts } from './server_types.ts'
import { createSlowBodies } from './slow_bodies.ts'
import { AUTO, readName } from './wire_name.ts'

/** Paths that go to models. Never built from what a client sends. */
const MODEL_PATHS: Readonly<Record<string, ModelPath>> = {
  '/v1/chat/completions': { path: '/chat/completions', isRouted: true },
  '/v1/completions': { path: '/completions', isRouted: true },
  '/v1/responses': { path: '/responses', isRouted: true },
  '/v1/messages': { path: '/messages', isRouted: true },
  '/v1/embeddings': { path: '/embeddings', isRouted: false },
}

/** What is answered here, without a model. */
export interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Pages beside those of the API: health, metrics, status. By path, for GET. */
export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>

/** Handles one request whatever it is; never throws. */
export type App = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Builds the handler of all paths. `pages` are open to everyone; `keyedPages` ask for a key where there are keys. */
export function createApp(parts: ServerParts, pages: Pages, keyedPages: Pages): App {
  const { admission } = parts
  const receiveSlowly = createSlowBodies(parts.mostBytes)
  const allPages = { ...pages, ...keyedPages }
  return async (request, response) => {
    const started = parts.now()
    const id = requestId(request)
    let client: Client | undefined
    try {
      const path = pathOf(request)
      if (request.headers.host === undefined && request.httpVersion === '1.1') {
        throw invalidRequest('We could not read your request: it has no Host header.')
      }
      if (request.headers.origin !== undefined && meetPage(request, response, parts.origins())) return
      const page = isRead(request) && Object.hasOwn(pages, path) ? pages[path] : undefined
      if (page) return send(request, response, await page())
      client = admission.identify(request.headers)
      if (request.method === 'POST') await answerPost(request, response, { path, client, id, started })
      else {
        if (parts.isLocal && client.name === '') requireOwnHost(request.headers, parts.origins())
        send(request, response, await keyedPage(request, path))
      }
    } catch (thrown) {
      const error = apiErrorOf(thrown, parts.now())
      parts.onRefusal({ id, client, path: loggedPath(pathOf(request), allPages), error })
      answerError(response, error, id)
    }
  }

  async function keyedPage(request: IncomingMessage, path: string): Promise<Page> {
    if (isRead(request)) {
      if (Object.hasOwn(keyedPages, path)) return keyedPages[path]!()
      if (path === '/v1/models') return json(modelList(parts))
      if (path.startsWith('/v1/models/')) return json(oneModel(parts, path))
    }
    throw notServed(request, methodsOf(path, allPages))
  }

  async function answerPost(
    request: IncomingMessage,
    response: ServerResponse,
    { path, client, id, started }: { path: string; client: Client; id: string; started: number },
  ): Promise<void> {
    const modelPath = Object.hasOwn(MODEL_PATHS, path) ? MODEL_PATHS[path] : undefined
    if (!modelPath && path !== '/v1/route') throw notServed(request, methodsOf(path, allPages))
    const onGone: OnGone = tell => whenGone(response, tell)
    await admission.allow(client, onGone)
    const held = hasArrived(request) ? undefined : await receiveSlowly(request, response)
    try {
      const place = admission.enter(onGone)
      const leave = typeof place === 'function' ? place : await place
      const received = held?.received
      try {
        if (modelPath) await complete(modelPath, request, response, { parts, client, id, started, received })
        else send(request, response, decided(await decideOnly(request, response, { parts, client, received }), id))
      } finally {
        leave()
      }
    } finally {
      held?.release()
    }
  }
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.search(/[?#]/)
  const path = end < 0 ? url : url.slice(0, end)
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** The client's own id where it may stand in a header and a log. */
function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:=/+-]{1,256}$/.test(given) ? given : `req_${randomUUID()}`
}

/** A path as a log may have it: what is none of ours may be anything, a key too. */
function loggedPath(path: string, pages: Pages): string {
  if (path.startsWith('/v1/models/')) return '/v1/models/…'
  return methodsOf(path, pages) === undefined ? 'another' : path
}

function decided(decision: unknown, id: string): Page {
  return { ...json(decision), headers: { 'x-llmroute-request-id': id } }
}

function json(value: unknown): Page {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) }
}

function send({ method }: IncomingMessage, response: ServerResponse, { status, type, body, headers }: Page): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...SAFE, ...headers })
  response.end(method === 'HEAD' ? undefined : body)
}

/** Of pages that a browser may show. */
const SAFE = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }

function modelList(parts: ServerParts) {
  const { models, strategies } = namesOf(parts.routing())
  const names = [AUTO, ...models, ...strategies.map(id => `router-${id}-0.5`)]
  return { object: 'list', data: names.map(modelEntry) }
}

function oneModel(parts: ServerParts, path: string) {
  const name = decoded(path.slice('/v1/models/'.length))
  readName(name, namesOf(parts.routing()))
  return modelEntry(name)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function modelEntry(id: string) {
  return { id, object: 'model', created: 0, owned_by: 'llmroute' }
}

/** The methods of a path, as `Allow` has them; undefined where there is no such path. */
function methodsOf(path: string, pages: Pages): string | undefined {
  if (Object.hasOwn(MODEL_PATHS, path) || path === '/v1/route') return 'POST'
  return Object.hasOwn(pages, path) || path === '/v1/models' || path.startsWith('/v1/models/') ? 'GET, HEAD' : undefined
}

function notServed({ method }: IncomingMessage, allow: string | undefined): ApiFailure {
  const isKnown = allow !== undefined
  return new ApiFailure({
    status: isKnown ? 405 : 404,
    type: 'invalid_request_error',
    code: isKnown ? 'method_not_allowed' : 'unknown_url',
    ...(isKnown ? { allow } : {}),
    message: isKnown
      ? `Expected ${allow.split(',', 1)[0]} for this path, got ${method}.`
      : `Unknown path. There are POST ${Object.keys(MODEL_PATHS).join(', ')}, /v1/route, and GET /v1/models, /health, /ready, /metrics.`,
  })
}
