import type { Dispatcher } from 'undici'
import Agent from 'undici/lib/dispatcher/agent.js'

/** Idle connections are given up after that long, unless the endpoint says another time. */
const KEEP_ALIVE = 10_000

/**
 * undici with as many connections per host as there are requests under way, none of its timers but that of connecting. A bundle
 * of its own: it takes a while to load.
 * @param connect milliseconds to connect.
 */
export function createAgent(connect: number): Pick<Dispatcher, 'dispatch'> & { destroy(): Promise<void> } {
  return new Agent({
    connect: { timeout: connect },
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE,
    pipelining: 1,
  })
}
