/** What of a client's headers goes to a model. Never its key, its cookies, nor anything that names a host. */
const OUTGOING = new Set([
  'accept',
  'anthropic-beta',
  'anthropic-version',
  'idempotency-key',
  'openai-beta',
  'traceparent',
  'tracestate',
  'user-agent',
  'x-request-id',
])

/** Those of them by which a model may answer otherwise; the others name or trace the request. */
const SHAPING = ['accept', 'anthropic-beta', 'anthropic-version', 'openai-beta']

/** What of a model's headers goes to a client; lengths and encodings are the connection's own. */
const INCOMING =
  /^(?:cache-control|content-type|openai-(?:model|processing-ms|version)|retry-after|retry-after-ms|x-request-id|request-id|x-ratelimit-[a-z-]+|anthropic-ratelimit-[a-z-]+)$/

/**
 * The headers to send: those of the client that may go along, then the endpoint's own, which count more.
 * @param own of the endpoint, the key included.
 * @param isFallback whether another model was asked before: a key of idempotency is for what that one was sent.
 */
export function outgoingHeaders(
  client: Readonly<Record<string, string | readonly string[] | undefined>>,
  own: Readonly<Record<string, string>>,
  isFallback = false,
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name in client) {
    const value = client[name]
    if (OUTGOING.has(name) && typeof value === 'string' && isSendable(value)) headers[name] = value
  }
  if (isFallback) delete headers['idempotency-key']
  for (const name in own) {
    // Which version of its form a client speaks, only the client knows.
    if (name !== 'anthropic-version' || headers[name] === undefined) headers[name] = own[name]!
  }
  return headers
}

/**
 * The headers to give back.
 * @param key of the model, which an endpoint may quote; undefined where none was sent.
 */
export function incomingHeaders(
  model: Readonly<Record<string, string>>,
  key: string | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name in model) {
    if (INCOMING.test(name)) headers[name] = key === undefined ? model[name]! : model[name]!.replaceAll(key, '***')
  }
  return headers
}

/** Values of those headers of a client that change what is answered, one each. */
export function shapingHeaders(client: Parameters<typeof outgoingHeaders>[0] = {}): unknown[] {
  return SHAPING.map(name => client[name] ?? null)
}

/** Line ends in a value would begin another header. */
function isSendable(value: string): boolean {
  return value.length <= 8192 && /^[\t\x20-\x7e]*$/.test(value)
}
