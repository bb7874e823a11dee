/**
 * What a failed attempt says of the next step.
 * - `passing`: another attempt may do better; counts against the model.
 * - `lasting`: the endpoint's fault, and it will stay so (a redirect, a certificate); counts against the model, no other attempt.
 * - `account`: key or account is refused; opens the breaker at once.
 * - `own`: the fault of this machine; another attempt may do better, and it says nothing of the model.
 * - `unsuited`: this model will not take the request, another may (context too long, not allowed, no such model there).
 * - `request`: the request's own fault; no model will take it.
 */
export type FailureKind = 'passing' | 'lasting' | 'account' | 'own' | 'unsuited' | 'request'

/**
 * What a failed attempt was, for whoever asked: the model is asked too often, it took too long, its account is refused, this machine
 * or the request is at fault, or anything else.
 */
export type FailureCategory = 'rate_limit' | 'timeout' | 'account' | 'own' | 'request' | 'other'

/** By these an endpoint says that somebody took too long; 524 is Cloudflare's. */
const TIMEOUTS = [408, 504, 524]
/** By these it refuses a request that is too long for it; 403 or 404 say more of key and address than of the request. */
const TOO_LONG = [400, 413, 422]

/** One attempt that gave no answer. Its message is a phrase that holds neither key nor prompt nor what the endpoint said. */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure'
  readonly kind: FailureKind
  readonly status: number | undefined
  /** As the answer asks, in milliseconds. */
  readonly wait: number | undefined
  /** What to do about it, as a sentence. */
  readonly advice: string
  readonly isTimeout: boolean

  constructor(
    phrase: string,
    kind: FailureKind,
    {
      status,
      wait,
      advice = 'Try again later.',
      isTimeout = TIMEOUTS.includes(status ?? 0),
    }: { status?: number | undefined; wait?: number | undefined; advice?: string; isTimeout?: boolean } = {},
  ) {
    super(phrase)
    this.kind = kind
    this.status = status
    this.wait = wait
    this.advice = advice
    this.isTimeout = isTimeout
  }

  get category(): FailureCategory {
    const { kind, status, isTimeout } = this
    if (kind === 'account' || kind === 'own') return kind
    if (status === 429) return 'rate_limit'
    if (isTimeout) return 'timeout'
    const isOfRequest = kind === 'request' || (kind === 'unsuited' && TOO_LONG.includes(status ?? 0))
    return isOfRequest ? 'request' : 'other'
  }

  /** The same with another phrase. */
  withPhrase(phrase: string): AttemptFailure {
    return new AttemptFailure(phrase, this.kind, this)
  }
}
