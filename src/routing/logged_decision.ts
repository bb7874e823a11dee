import type { Decision, Needs, RouteRequest } from '../types.ts'

/** What came of a call. */
export interface LoggedAnswer {
  /** That answered. */
  readonly model: string
  readonly inputTokens?: number
  readonly outputTokens?: number
  /** US dollars; absent where a price is not known. */
  readonly cost?: number
  /** Milliseconds. */
  readonly latency?: number
}

/**
 * One line of a decision log: the decision with when, for which request and for what. Text stands in it only where it was asked
 * for (`--log-prompts`).
 */
export interface LoggedDecision extends Omit<Decision, 'threshold'>, RequestText {
  /** ISO 8601. */
  readonly time: string
  /** Of the request; feedback names it. */
  readonly id: string
  /** The first 32 hexadecimal digits of the SHA-256 of the prompt in UTF-8. */
  readonly promptHash: string
  /** That policies place it by; of what serve was asked, the first 32 hexadecimal digits of the SHA-256 of the user or cache key. */
  readonly key?: string
  /** Of the prompt or conversation, in tokens. */
  readonly inputTokens?: number
  /** A number, or `Infinity`, which JSON has not. */
  readonly threshold?: number | string
  /** What else the request asked of a model. */
  readonly needs?: Omit<Needs, 'inputTokens'>
  /** Absent where nothing was called. */
  readonly answer?: LoggedAnswer
}

/** What says what was asked, and by whom. */
export interface RequestText
  extends Partial<Pick<RouteRequest, 'prompt' | 'turns' | 'user' | 'priority' | 'metadata'>> {}
