import type { Pool } from '../types.ts'
import type { AdmissionGauge } from './admission.ts'
import { type Allowances, createAllowances } from './allowances.ts'
import type { Page } from './app.ts'
import { createDriftWatch, type DriftState } from './drift.ts'
import { createMetrics } from './metrics.ts'
import { createFollowedThreshold, type Followed, type OnlineThreshold } from './online_threshold.ts'
import type { ProcessFigures } from './process_figures.ts'
import type { Exchange } from './server_types.ts'
import { STATUS_POLICY, statusPage } from './status_page.ts'
import { createStickyModels, type StickyModels } from './sticky.ts'
import { createTraffic } from './traffic.ts'

/** What all requests of a server have in common, whichever process answers them. */
export interface SharedState {
  /** Says what is routed between; again when the configuration was read again. */
  describe(routed: Routed): void
  see(exchange: Exchange): void
  /** A request was turned away, with this code. */
  refuse(code: string): void
  /** Rates and budgets of keys. */
  readonly allowances: Allowances
  readonly sticky: StickyModels
  /** Of `threshold: auto`. */
  readonly threshold: OnlineThreshold
  metrics(): Promise<Page>
  status(): Promise<Page>
}

/** What is routed between, and how much is meant for strong. */
export interface Routed {
  readonly pool: Pool
  readonly policyId: string
  /** Of policy `threshold`: by what it decides. */
  readonly strategyId?: string
  readonly threshold?: number
  readonly strongTarget?: number
  /** Absent where the threshold is fixed. */
  readonly followed?: Followed
}

/** What a shared state is made from. */
export interface SharedStateOptions {
  now(): number
  /** Requests of all processes. */
  readonly gauge: AdmissionGauge
  /** Hears once of each alarm. */
  onDrift(state: DriftState): void
  processes(): Promise<readonly ProcessFigures[]>
  /** Milliseconds that a request waits for others of its key that may cost what is left of its budget. Default 0. */
  readonly patience?: number
}

/** Keeps the state in this process. */
export function createSharedState({ now, gauge, onDrift, processes, patience }: SharedStateOptions): SharedState {
  let routed: Routed = { pool: { models: [] }, policyId: '' }
  let drift = createDriftWatch(undefined)
  let wasDrifting = false
  const threshold = createFollowedThreshold()
  const allowances = createAllowances(now, patience)
  const traffic = createTraffic(now, () => routed.pool)
  const metrics = createMetrics({ pool: () => routed.pool, drift: () => drift.state(), processes, ...gauge })
  return {
    describe(next) {
      if (!decidesAlike(next, routed)) drift = createDriftWatch(next.strongTarget)
      threshold.follow(next.followed)
      routed = next
    },
    see(exchange) {
      seeShare(exchange)
      if (exchange.cost !== undefined && exchange.client.name) allowances.spend(exchange.client.name, exchange.cost)
      metrics.see(exchange)
      traffic.see(exchange)
    },
    refuse: metrics.refuse,
    allowances,
    sticky: createStickyModels(),
    threshold,
    async metrics() {
      return { status: 200, ...(await metrics.render()) }
    },
    async status() {
      const { pool, policyId: policy, followed } = routed
      const body = statusPage({
        traffic: traffic.snapshot(),
        drift: drift.state(),
        pool,
        policy,
        isFollowed: followed !== undefined,
        now: now(),
      })
      const headers = { 'content-security-policy': STATUS_POLICY }
      return { status: 200, type: 'text/html; charset=utf-8', body, headers }
    },
  }

  /**
   * Only what the configured threshold decided speaks of its target. Turns for which a conversation kept its model are no decisions:
   * counted, they would make noise of few conversations look like drift.
   */
  function seeShare({ decision, asked, model }: Exchange): void {
    const { pool, policyId } = routed
    const { pair } = pool
    const isCounted = decision?.policy === 'threshold' && policyId === 'threshold' && asked === 'auto'
    if (!isCounted || !pair || model === undefined) return
    drift.see(model === pair.strong.id)
    const state = drift.state()
    if (state.isDrifting && !wasDrifting) onDrift(state)
    wasDrifting = state.isDrifting
  }
}

/** Whether what was decided under one says how it goes under the other. */
function decidesAlike(one: Routed, other: Routed): boolean {
  const { policyId, strategyId, threshold, strongTarget } = one
  return (
    policyId === other.policyId &&
    strategyId === other.strategyId &&
    threshold === other.threshold &&
    strongTarget === other.strongTarget
  )
}
