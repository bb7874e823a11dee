import { UsageError } from '../errors.ts'
import { printable } from '../registry.ts'
import type { Endpoint, Model } from '../types.ts'

/** Where a model is called, without the key. */
export interface Destination {
  readonly origin: string
  /** With its query. */
  readonly path: string
}

const ANTHROPIC_VERSION = '2023-06-01'

const known = new WeakMap<Endpoint, Map<string, Destination>>()

/** The endpoint of a model. @throws UsageError where it has none. */
export function endpointOf(model: Model): Endpoint {
  if (model.endpoint) return model.endpoint
  throw new UsageError(
    `Model ${printable(model.id)}: expected a base_url to call it, got none. Set it in llmroute.yaml (llmroute init writes one).`,
  )
}

/**
 * Where `path` of a model's endpoint lies.
 * @param path what follows the base URL, with its slash.
 * @throws UsageError where it has no endpoint, or one whose base URL is none.
 */
export function destinationOf(model: Model, path: string): Destination {
  const endpoint = endpointOf(model)
  const paths = known.get(endpoint) ?? new Map<string, Destination>()
  known.set(endpoint, paths)
  const destination = paths.get(path) ?? build(model, endpoint, path)
  paths.set(path, destination)
  return destination
}

/** The host of a model's endpoint, for messages; '' where there is none. */
export function hostOf(model: Model): string {
  return model.endpoint && URL.canParse(model.endpoint.baseUrl) ? new URL(model.endpoint.baseUrl).host : ''
}

/**
 * What is sent with every call of a model, the key of its environment variable included: never to be shown.
 * @throws UsageError where the variable holds no key, or one that cannot be sent.
 */
export function headersFor(model: Model): Record<string, string> {
  const { keyVariable, api = 'openai', keyHeader, headers: own } = endpointOf(model)
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (api === 'anthropic') headers['anthropic-version'] = ANTHROPIC_VERSION
  for (const name in own) headers[name.toLowerCase()] = own[name]!
  const key = keyOf(model)
  if (key === undefined || keyVariable === undefined) return headers
  const header = keyHeader ?? (api === 'anthropic' ? 'x-api-key' : 'authorization')
  headers[header] = header === 'authorization' ? `Bearer ${key}` : key
  return headers
}

/**
 * The key of a model, read anew each time; undefined where none is sent.
 * @throws UsageError where the variable holds none, or one that cannot be sent.
 */
export function keyOf(model: Model): string | undefined {
  const { keyVariable } = endpointOf(model)
  if (keyVariable === undefined) return undefined
  const key = process.env[keyVariable]?.trim()
  const where = `Model ${printable(model.id)}: expected a key in the environment variable ${printable(keyVariable)}`
  if (!key) throw new UsageError(`${where}, got none. Set it.`)
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError(`${where}, got one with white space or characters beyond ASCII. Set it anew.`)
  }
  return key
}

function build(model: Model, { baseUrl, query }: Endpoint, path: string): Destination {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageError(
      `Model ${printable(model.id)}: expected a base_url that starts with http:// or https://, got another. Correct it.`,
    )
  }
  for (const name in query) url.searchParams.set(name, query[name]!)
  return { origin: url.origin, path: `${url.pathname.replace(/\/+$/, '')}${path}${url.search}` }
}
