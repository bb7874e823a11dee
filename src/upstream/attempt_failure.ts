/**
 * What a failed attempt says of the next step.
 * - `passing`: another attempt may do better; counts against the model.
 * - `lasting`: the endpoint's fault, and it will stay so (a redirect, a certificate); counts against the model, no other attempt.
 * - `account`: key or account is refused; opens the breaker at once.
 * - `unsuited`: this model will not take the request, another may (context too long, not allowed, no such model there).
 * - `request`: the request's own fault; no model will take it.
 */
export type FailureKind = 'passing' | 'lasting' | 'account' | 'unsuited' | 'request'

/** One attempt that gave no answer. Its message is a phrase that holds neither key nor prompt nor what the endpoint said. */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure'
  readonly kind: FailureKind
  readonly status: number | undefined
  /** As the answer asks, in milliseconds. */
  readonly wait: number | undefined
  /** What to do about it, as a sentence. */
  readonly advice: string

  constructor(
    phrase: string,
    kind: FailureKind,
    { status, wait, advice = 'Try again later.' }: { status?: number; wait?: number | undefined; advice?: string } = {},
  ) {
    super(phrase)
    this.kind = kind
    this.status = status
    this.wait = wait
    this.advice = advice
  }

  /** The same with another phrase. */
  withPhrase(phrase: string): AttemptFailure {
    const { kind, status, wait, advice } = this
    return new AttemptFailure(phrase, kind, { ...(status === undefined ? {} : { status }), wait, advice })
  }
}
