/** Times in milliseconds. */
export interface RetryOptions {
  /** At one model, the first included. Default 4. */
  readonly attempts?: number
  /** The n-th wait is random in 0 … `firstWait` · 2^(n − 1) ("full jitter"), unless the answer says how long. Default 500. */
  readonly firstWait?: number
  /** Of one wait, one that `Retry-After` asks for included; a longer one is not waited for where another model is left. Default 30,000. */
  readonly longestWait?: number
}

/** Of one attempt, in milliseconds. */
export interface Timeouts {
  /** Default 10,000. */
  readonly connect?: number
  /** From sending to the first byte of the answer's body. Default 120,000. */
  readonly firstByte?: number
  /** Between two pieces of the answer. Default 60,000. */
  readonly idle?: number
  /** Of the attempt, answer included. Default 600,000. */
  readonly total?: number
}

/** When a model is left alone. Times in milliseconds. */
export interface BreakerOptions {
  /** Failed attempts in a row that open it. Default 5. */
  readonly failures?: number
  /** Share of failed attempts in `window` that opens it, 0..1. Default 0.5. */
  readonly share?: number
  /** Default 60,000. */
  readonly window?: number
  /** Attempts in `window` below which `share` says nothing. Default 20. */
  readonly minimum?: number
  /** Open that long, then one probe goes through; its success closes it. Default 30,000. */
  readonly coolDown?: number
  /** The same where key or account is refused (401, 402, no quota left). Default 300,000. */
  readonly accountCoolDown?: number
  /**
   * How long a call waits for an open breaker where no other model is left, before it fails. Never waits where key or account is
   * refused. Default 0; a batch sets more, so that no row fails because of an outage that passes.
   */
  readonly patience?: number
}

/** Of the response cache, which is off unless this is given: whoever turns it on asks for answers to be repeated at any temperature. */
export interface ResponseCacheOptions {
  /** Milliseconds that an answer is good for. Default 86,400,000, a day. */
  readonly ttl?: number
  /** Of answers in memory. Default 64 MB. */
  readonly maxBytes?: number
  /** Where answers are kept on disk as well, a file each; absent: in memory only. */
  readonly folder?: string
  /** Of answers on disk. Default 1 GB. */
  readonly maxDiskBytes?: number
}

/** How models are called, as configuration and flags say. */
export interface CallSettings {
  readonly retry?: RetryOptions
  readonly timeouts?: Timeouts
  readonly breaker?: BreakerOptions
  readonly cache?: ResponseCacheOptions
  /** Requests under way at a time, of all models. Default: no limit. */
  readonly maxConcurrency?: number
  /** Requests a second, of all models, evenly spaced. Default: no limit. */
  readonly rateLimit?: number
}
