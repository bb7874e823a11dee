import type { IncomingMessage, ServerResponse } from 'node:http'
import { ApiFailure } from './envelope.ts'
import { whenGone } from './gone.ts'
import { type Received, receive } from './received.ts'

/** How many bodies of the largest size may be held at a time. */
const MOST_BODIES = 16

/** A body whose bytes are counted until it is released. */
export interface HeldBody {
  readonly received: Received
  /** To be called once, when its request has ended. */
  release(): void
}

/**
 * Receives bodies that do not come at once, for requests that take a place only afterwards: slow clients must not fill the places.
 * What has come of all of them together is bounded instead, until they are answered, at 16 bodies of `mostBytes` bytes; beyond, whoever
 * sends more is told 503.
 * What it gives rejects with ApiFailure, as `receive` does, and where the client goes away, the server stops or the body takes too long.
 */
export function createSlowBodies(
  mostBytes: number,
): (request: IncomingMessage, response: ServerResponse) => Promise<HeldBody> {
  let held = 0
  return async (request, response) => {
    let own = 0
    const release = () => {
      held -= own
    }
    try {
      const received = await new Promise<Received>((resolve, reject) => {
        whenGone(response, reject)
        receive(request, mostBytes).then(resolve, reject)
        request.on('data', (chunk: Buffer) => {
          own += chunk.length
          held += chunk.length
          if (held > MOST_BODIES * mostBytes) reject(overloaded())
        })
      })
      return { received, release }
    } catch (error) {
      // What still comes is for nobody, and must not be kept.
      request.removeAllListeners('data').resume()
      release()
      throw error
    }
  }
}

function overloaded(): ApiFailure {
  return new ApiFailure({
    status: 503,
    type: 'server_error',
    code: 'server_overloaded',
    message: 'Too many bytes of requests are on their way. Try again soon.',
    retryAfter: 1,
  })
}
