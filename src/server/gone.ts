import type { ServerResponse } from 'node:http'
import { type ApiError, clientGone } from './envelope.ts'

/** Signals that are kept for later requests. */
const MOST_KEPT = 4096

const kept: AbortController[] = []

const CONTROLLER = Symbol('controller')

interface Watched {
  [CONTROLLER]?: AbortController
}

const STOPPED = new Error('the server stopped')

/**
 * A signal that is aborted when the client goes away before its answer has ended, or the server stops. Few ever are, and a new one
 * for each request costs more than deciding it: those that were not aborted are lent again.
 */
export function goneSignal(response: ServerResponse): AbortSignal {
  const controller = kept.pop() ?? new AbortController()
  // Gone while the request was read and decided.
  if (response.destroyed) controller.abort()
  ;(response as Watched)[CONTROLLER] = controller
  response.once('close', () => {
    if (!response.writableFinished) controller.abort()
    else if (kept.length < MOST_KEPT && !controller.signal.aborted) kept.push(controller)
  })
  return controller.signal
}

/** Ends an answer that is under way since the server stops: whoever asked is told so. */
export function stopAnswer(response: ServerResponse): void {
  ;(response as Watched)[CONTROLLER]?.abort(STOPPED)
}

/** What became of an answer whose signal was aborted: its ending, and what is told of it. */
export function abortedEnding({ reason }: AbortSignal): {
  readonly ending: 'abandoned' | 'stopped'
  readonly error: ApiError
} {
  if (reason !== STOPPED) return { ending: 'abandoned', error: clientGone().error }
  const message = 'The server stopped before the answer was complete. Try again soon.'
  return {
    ending: 'stopped',
    error: { status: 503, type: 'server_error', code: 'server_stopping', message, retryAfter: 1 },
  }
}
