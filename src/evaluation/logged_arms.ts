import type { LoggedDecision } from '../routing/logged_decision.ts'
import { type ArmReport, abReport } from './ab_report.ts'

/** What a log tells of an A/B split: arms with the most requests first, so that the others are compared with that one. */
export interface LoggedArms {
  /** Absent without feedback. */
  readonly quality?: readonly ArmReport[]
  /** US dollars of the answers. */
  readonly cost: readonly ArmReport[]
}

/**
 * The arms of the decisions that policy `ab` took. A request counts for the arm that it was drawn for, whichever model answered
 * in the end: else the requests on which a model failed would count for the other.
 * @param scores feedback by request id, 0..1.
 * @returns undefined where fewer than two arms have requests.
 */
export function loggedArms(
  decisions: readonly LoggedDecision[],
  scores: ReadonlyMap<string, number> | undefined,
): LoggedArms | undefined {
  const arms = new Map<string, LoggedDecision[]>()
  for (const logged of decisions) {
    if (logged.policy !== 'ab') continue
    const arm = arms.get(logged.model)
    if (arm) arm.push(logged)
    else arms.set(logged.model, [logged])
  }
  if (arms.size < 2) return undefined
  const ordered = [...arms].sort(([a, few], [b, many]) => many.length - few.length || (a < b ? -1 : 1))
  const report = (by: 'quality' | 'cost', measured: (logged: LoggedDecision) => number | undefined) =>
    abReport(
      ordered.map(([model, requests]) => ({
        model,
        values: requests.map(logged => measured(logged) ?? Number.NaN),
        keys: requests.map(({ key, user, promptHash }) => key ?? user ?? promptHash),
      })),
      by,
    )
  const cost = report('cost', ({ answer }) => answer?.cost)
  return scores ? { quality: report('quality', ({ id }) => scores.get(id)), cost } : { cost }
}
