import type { ServerResponse } from 'node:http'

/** Milliseconds without a byte read after which a client for which something waits is cut off, or twice that where some were read before. */
const PATIENCE = 30_000

/**
 * Resolves when an answer that has ended was handed to the system, which sends it on; to false where the client went away before,
 * or was cut off since it read nothing. What waits to be read takes memory: until then its request is under way. To be asked once,
 * right after its end.
 */
export function handedOver(response: ServerResponse, patience = PATIENCE): boolean | Promise<boolean> {
  // As almost always: the system took all of it at once.
  if (response.writableFinished) return true
  if (response.destroyed) return false
  return new Promise(resolve => {
    if (response.socket) limitSilence(response, patience)
    else response.once('socket', () => limitSilence(response, patience))
    // Before the server's own listener, which limits how long the connection may be idle from now on. Comes for those cut off, too.
    response.prependOnceListener('finish', () => {
      limitSilence(response, 0)
      resolve(response.socket?.destroyed === false)
    })
    response.once('close', () => resolve(false))
  })
}

/** Resolves when more of an answer can be written, or the client is gone. One that reads nothing is cut off. */
export function drained(response: ServerResponse, patience = PATIENCE): Promise<void> {
  return new Promise(resolve => {
    limitSilence(response, patience)
    const go = () => {
      limitSilence(response, 0)
      response.off('drain', go)
      response.off('close', go)
      resolve()
    }
    response.once('drain', go)
    response.once('close', go)
  })
}

/** The server ends a connection that is past it; what is read begins it anew. 0: for ever. */
function limitSilence({ socket }: ServerResponse, milliseconds: number): void {
  socket?.setTimeout(milliseconds)
}
