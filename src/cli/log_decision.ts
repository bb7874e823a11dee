import { randomUUID } from 'node:crypto'
import type { Router } from '../io/router.ts'
import type { LoggedAnswer } from '../routing/logged_decision.ts'
import type { Decision, RouteRequest } from '../types.ts'

/**
 * Adds one decision to the log of the router, where it has one: under the request's field `id`, else a new one.
 * @returns the id; undefined where nothing is logged.
 */
export async function logDecision(
  { log: settings }: Pick<Router, 'log'>,
  request: RouteRequest,
  decision: Decision,
  answer?: LoggedAnswer,
): Promise<string | undefined> {
  if (!settings) return undefined
  const { logLines, openDecisionLog } = await import('../io/decision_log.ts')
  const { idOf } = await import('../io/segment_log.ts')
  const log = await openDecisionLog(settings.file, message => process.stderr.write(`${message}\n`))
  const id = idOf(request.metadata?.id) ?? randomUUID()
  await log.append(await logLines([{ id, request, decision, ...(answer ? { answer } : {}) }], settings.keepsPrompts))
  await log.close()
  return id
}
