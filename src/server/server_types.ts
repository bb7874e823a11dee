import type { Refusal } from '../routing/pool_router.ts'
import type { Decision, Model, Pool, RouteRequest } from '../types.ts'
import type { PlanAnswer, PlannedRequest } from '../upstream/plan_types.ts'
import type { Attempt, Forwarder, Spent, Usage } from '../upstream/upstream_types.ts'
import type { ApiError, ApiFailure } from './envelope.ts'
import type { StickyModels } from './sticky.ts'
import type { Target } from './wire_name.ts'

/** What a configuration says: exchanged whole when it is read again. */
export interface Routing {
  readonly pool: Pool
  /** Ids that `router-<strategy>-<threshold>` may name. */
  readonly strategies: readonly string[]
  /** Ids that it could name if there were a pair that can be called. Default: none. */
  readonly withoutPair?: readonly string[]
  /** What picks models under `auto`. */
  readonly policyId: string
  /** Share of the requests to `auto` that is meant for strong, 0..1; absent where nobody said. */
  readonly strongTarget?: number
  /**
   * Throws UsageError where the target cannot decide.
   * @param isAnswered whether a model is then asked: `threshold: auto` learns from such requests alone.
   */
  decide(target: Target, request: RouteRequest, isAnswered: boolean): Promise<Decision | Refusal>
  /** What a second policy would have decided; it never answers. */
  readonly shadow?: (request: RouteRequest) => Promise<Decision | Refusal>
  readonly forwarder: Forwarder
  /** Asks several models as a decision says. */
  carryOut(request: PlannedRequest): Promise<PlanAnswer>
  /** Ids of models that take over, in order, where the chosen one fails. Absent: all others that can serve the request. */
  readonly fallback?: readonly string[]
  /** Whether a conversation keeps its model. */
  readonly isSticky: boolean
  /** Score the whole conversation instead of its last user turn. */
  readonly scoresConversation: boolean
}

/** Who asks: a key's name, '' where no keys are configured, and what it may do. */
export interface Client {
  readonly name: string
  /** Requests a minute. Default: no limit. */
  readonly rateLimit?: number
  /** US dollars a day (UTC). Default: no limit. */
  readonly dailyBudget?: number
}

/** One request and what became of it. Times in milliseconds; tokens and dollars of the answer, absent where not known. */
export interface Exchange {
  readonly id: string
  readonly client: Client
  /** That was asked, without its query. */
  readonly path: string
  /** The `model` that was asked for, cut to what may be printed. */
  readonly asked: string
  readonly started: number
  /** As the policy saw it. */
  readonly request: RouteRequest
  readonly decision?: Decision | undefined
  /** The model that answered, or that was asked when the client went away. */
  readonly model?: string | undefined
  readonly status: number
  readonly error?: ApiError | undefined
  /** All of it came, the model broke off, the client went away, the server stopped, or no answer began. */
  readonly ending: 'whole' | 'cut' | 'abandoned' | 'stopped' | 'failed'
  readonly attempts: readonly Attempt[]
  readonly isStream: boolean
  readonly isCached: boolean
  /** Estimated where the answer does not say. */
  readonly usage?: Usage | undefined
  /** Of several models as far as prices are known. */
  readonly cost?: number | undefined
  /** What each call has taken, where several models may have been asked. */
  readonly spent?: readonly Spent[]
  /** Until the answer ended. */
  readonly latency: number
  /** Until its first byte went to the client. */
  readonly firstByte?: number | undefined
  /** Of `firstByte`, what was spent here and not on models. */
  readonly overhead?: number | undefined
}

/** Has its argument called with why nobody waits any more: the client went away, or the server stops. */
export type OnGone = (tell: (why: ApiFailure) => void) => void

/** What keeps strangers and floods out, asked before a request's body is read. */
export interface Admission {
  /** Whose key is shown. Throws ApiFailure (401). */
  identify(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Client
  /** Takes a request from what a client may send. Rejects with ApiFailure (429). */
  allow(client: Client, onGone: OnGone): Promise<void>
  /**
   * A place, or waits for one; what it gives is called once, when the request has ended. Whoever is gone meanwhile leaves the line.
   * Throws ApiFailure (503).
   */
  enter(onGone: OnGone): (() => void) | Promise<() => void>
  /**
   * Sets US dollars aside for a request of a key with a budget; what it gives is called once, when the request has ended and its
   * cost was told. Throws ApiFailure (429).
   */
  reserve(client: Client, dollars: number): Promise<() => void>
}

/** A request that was turned away before a model was asked. */
export interface RefusedRequest {
  readonly id: string
  /** Absent where its key was not known, or not looked at. */
  readonly client?: Client | undefined
  /** As it may be printed. */
  readonly path: string
  readonly error: ApiError
}

/** What a server is made from. */
export interface ServerParts {
  /** The configuration of this moment. */
  routing(): Routing
  readonly admission: Admission
  readonly sticky: StickyModels
  /** Hears of every request to a model, once, when it has ended. Must not throw. */
  onExchange(exchange: Exchange): void
  /** Hears of every request that got no further. Must not throw. */
  onRefusal(refused: RefusedRequest): void
  /** Hears what the shadow policy would have decided. Must not throw. */
  onShadow?(id: string, decision: Decision, shadow: Decision | Refusal): void
  /** Bytes of a request body. */
  readonly mostBytes: number
  /** Of web pages that may ask, beside those of this machine; `*` for all. */
  origins(): readonly string[]
  /** Whether it listens where only this machine can ask. */
  readonly isLocal: boolean
  now(): number
}

/** The models that a form can be sent to: `/messages` speaks Anthropic's, all else OpenAI's. */
export function speaks(model: Model, path: string): boolean {
  return (model.endpoint?.api === 'anthropic') === (path === '/messages')
}
