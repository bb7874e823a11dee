import type { Registry } from '../registry.ts'
import type { Policy, Strategy } from '../types.ts'

/** What a policy may be built from. */
export interface PolicyParts {
  readonly strategy: Strategy
  readonly strategyId: string
  /** Strong iff winRate >= threshold; Infinity sends everything to weak. */
  readonly threshold: number
}

/** What each file in policies/ exports. */
export interface PolicyModule {
  create(parts: PolicyParts): Policy
}

/** Every policy: the file name is the id. */
export const policies: Registry<PolicyModule> = {
  threshold: { summary: "a strategy's win rate against a threshold, for a pair", load: () => import('./threshold.ts') },
}
