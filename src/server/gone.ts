import type { ServerResponse } from 'node:http'

/** Signals that are kept for later requests. */
const MOST_KEPT = 4096

const kept: AbortController[] = []

/**
 * A signal that is aborted when the client goes away before its answer has ended. Few ever are, and a new one for each request
 * costs more than deciding it: those that were not aborted are lent again.
 */
export function goneSignal(response: ServerResponse): AbortSignal {
  const controller = kept.pop() ?? new AbortController()
  // Gone while the request was read and decided.
  if (response.destroyed) controller.abort()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort()
    else if (kept.length < MOST_KEPT) kept.push(controller)
  })
  return controller.signal
}
