import type { ServerResponse } from 'node:http'
import { type ApiError, ApiFailure, clientGone } from './envelope.ts'

/** Signals that are kept for later requests. */
const MOST_KEPT = 4096

const kept: AbortController[] = []

const CONTROLLER = Symbol('controller')
const TELL = Symbol('tell')

interface Watched {
  [CONTROLLER]?: AbortController
  [TELL]?: (why: ApiFailure) => void
}

const STOPPED = new Error('the server stopped')
const stopped = new AbortController()
stopped.abort(STOPPED)

/** What is told of a request that was not answered when the server stopped. */
export const SERVER_STOPPING: ApiError = {
  status: 503,
  type: 'server_error',
  code: 'server_stopping',
  message: 'The server stopped before the answer was complete. Try again soon.',
  retryAfter: 1,
}

/**
 * A signal that is aborted when the client goes away before its answer has ended, or the server stops. Few ever are, and a new one
 * for each request costs more than deciding it: those that were not aborted are lent again.
 */
export function goneSignal(response: ServerResponse): AbortSignal {
  // Stopped, or gone, while the request was read and decided.
  const controller = (response as Watched)[CONTROLLER] ?? kept.pop() ?? new AbortController()
  if (response.destroyed) controller.abort()
  ;(response as Watched)[CONTROLLER] = controller
  response.once('close', () => {
    if (!response.writableFinished) controller.abort()
    else if (kept.length < MOST_KEPT && !controller.signal.aborted) kept.push(controller)
  })
  return controller.signal
}

/**
 * Has `tell` called with what whoever asked is to be told, when the client goes away, the server stops or gives the request up, while
 * it waits for something before an answer. The latest that waits is told.
 */
export function whenGone(response: ServerResponse, tell: (why: ApiFailure) => void): void {
  const watched = response as Watched
  if (!watched[TELL]) {
    response.once('close', () => {
      if (!response.writableFinished) watched[TELL]!(clientGone())
    })
  }
  watched[TELL] = tell
  if (watched[CONTROLLER] === stopped) tell(new ApiFailure(SERVER_STOPPING))
  else if (response.destroyed) tell(clientGone())
}

/** Ends a request that is under way since the server stops, wherever it stands: whoever asked is told so, and no model is asked any more. */
export function stopAnswer(response: ServerResponse): void {
  const watched = response as Watched
  if (watched[CONTROLLER]) watched[CONTROLLER].abort(STOPPED)
  else {
    watched[CONTROLLER] = stopped
    watched[TELL]?.(new ApiFailure(SERVER_STOPPING))
  }
}

/** Ends a request that waits for something before an answer. False where none does. */
export function giveUp(response: ServerResponse, why: ApiError): boolean {
  const tell = (response as Watched)[TELL]
  tell?.(new ApiFailure(why))
  return tell !== undefined
}

/** What became of an answer whose signal was aborted: its ending, and what is told of it. */
export function abortedEnding({ reason }: AbortSignal): {
  readonly ending: 'abandoned' | 'stopped'
  readonly error: ApiError
} {
  return reason === STOPPED
    ? { ending: 'stopped', error: SERVER_STOPPING }
    : { ending: 'abandoned', error: clientGone().error }
}
