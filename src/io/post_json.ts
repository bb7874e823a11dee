import { UpstreamError, UsageError } from '../errors.ts'

/** How an endpoint is called. */
export interface PostJsonOptions {
  /** Name of the environment variable that holds the key. Default OPENAI_API_KEY; without it most hosts are asked without. */
  readonly keyVariable?: string
  /** Of one attempt, answer included, in milliseconds. Default 60,000. */
  readonly timeout?: number
  /** Default 5. */
  readonly attempts?: number
  /** Waits that many milliseconds. */
  readonly sleep?: (milliseconds: number) => Promise<void>
}

/** Nothing is sent there without a key: it would only be refused, and prompts would have left for nothing. */
const KEYED_HOST = 'api.openai.com'

const FIRST_WAIT = 500
const LONGEST_WAIT = 60_000

/**
 * Sends JSON and returns the parsed answer. Tries again, with growing waits or as `Retry-After` says, where the status is
 * 408, 429 or 5xx or no answer comes. Follows no redirect, so that the key goes nowhere else. Messages name the host and
 * the status, never the key, the body or what the server said.
 * @throws UsageError where api.openai.com is to be asked without a key; UpstreamError.
 */
export function createPostJson({
  keyVariable = 'OPENAI_API_KEY',
  timeout = 60_000,
  attempts = 5,
  sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
}: PostJsonOptions = {}): (url: string, body: unknown) => Promise<unknown> {
  return async (url, body) => {
    const host = hostOf(url)
    const key = process.env[keyVariable]
    if (!key && host === KEYED_HOST) {
      throw new UsageError(
        `${keyVariable}: expected a key for ${host}, got none. Set it, or name another endpoint with OPENAI_BASE_URL.`,
      )
    }
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify(body),
    }
    for (let attempt = 1; ; attempt++) {
      const outcome = await send(url, request, timeout)
      if ('json' in outcome) return outcome.json
      if (!outcome.mayPass || attempt >= attempts) {
        throw new UpstreamError(
          `${host}: expected an answer in JSON, got ${outcome.failure}. ${adviceFor(outcome, keyVariable)}`,
        )
      }
      const backoff = FIRST_WAIT * 2 ** (attempt - 1) * (0.75 + Math.random() / 2)
      await sleep(Math.min(LONGEST_WAIT, outcome.wait ?? backoff))
    }
  }
}

interface Failure {
  readonly failure: string
  readonly status?: number
  /** Whether another attempt may do better. */
  readonly mayPass: boolean
  /** As `Retry-After` asks, in milliseconds. */
  readonly wait?: number | undefined
}

async function send(url: string, request: RequestInit, timeout: number): Promise<{ json: unknown } | Failure> {
  try {
    const response = await fetch(url, { ...request, redirect: 'manual', signal: AbortSignal.timeout(timeout) })
    const { status } = response
    if (response.ok) {
      const text = await response.text()
      try {
        return { json: JSON.parse(text) }
      } catch {
        return { failure: `status ${status} with something else`, status, mayPass: false }
      }
    }
    await response.body?.cancel()
    const mayPass = status === 408 || status === 429 || status >= 500
    return { failure: `status ${status}`, status, mayPass, wait: retryAfter(response.headers.get('retry-after')) }
  } catch (error) {
    // The text of a network error may quote the URL with a password in it; its code says as much.
    const { name, cause } = error as { name: string; cause?: { code?: string } }
    const isLate = name === 'TimeoutError' || name === 'AbortError'
    return { failure: isLate ? `nothing in ${timeout} ms` : `no connection (${cause?.code ?? name})`, mayPass: true }
  }
}

/** Seconds or a date, to milliseconds from now. */
function retryAfter(header: string | null): number | undefined {
  if (header === null || header.trim() === '') return undefined
  const seconds = Number(header)
  const milliseconds = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds)
}

function adviceFor({ status }: Failure, keyVariable: string): string {
  if (status === 401 || status === 403) return `Set ${keyVariable} to a key that this host accepts.`
  if (status !== undefined && status >= 300 && status < 400)
    return 'Redirects are not followed; name the address it leads to.'
  if (status === undefined || status === 429 || status >= 500) return 'Try again later.'
  return 'Check the address and the name of the model.'
}

function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    throw new UpstreamError(
      'endpoint: expected an address that starts with http:// or https://, got another. Check the base URL.',
    )
  }
}
