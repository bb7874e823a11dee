import type { Model } from '../types.ts'
import { createGate } from './gate.ts'
import { createHealth } from './health.ts'
import { underAny } from './on_abort.ts'
import type { PursuitParts } from './pursuit.ts'
import type { ByteCache } from './response_cache.ts'
import { sleep as realSleep } from './sleep.ts'
import { openTransport, type Transport } from './transport.ts'
import type { UpstreamOptions } from './upstream_types.ts'

/** What a caller and a forwarder stand on; they may share one, and with it breakers, limits and connections. */
export interface UpstreamCore extends PursuitParts {
  readonly maxAnswerBytes: number
  /** Opened on first use, since undici takes a while to load; at once from then on. */
  transport(): Transport | Promise<Transport>
  /** Undefined where none is configured. @throws DataError where its folder cannot be used. */
  cache(): Promise<ByteCache> | undefined
  /**
   * To be called when these options, and these models, hold from now on: for what was kept of an earlier core, and where a model is
   * called elsewhere than before.
   */
  begin(models: readonly Model[]): void
  close(): Promise<void>
}

const MOST_ANSWER_BYTES = 64 * 2 ** 20

/**
 * Opens nothing yet.
 * @param earlier whose breakers, statistics and places are kept.
 */
export function createUpstreamCore(
  {
    retry: { attempts = 4, firstWait = 500, longestWait = 30_000 } = {},
    timeouts: { connect = 10_000, firstByte = 120_000, idle = 60_000, total = 600_000 } = {},
    breaker = {},
    cache: cacheOptions,
    maxConcurrency,
    rateLimit,
    maxAnswerBytes = MOST_ANSWER_BYTES,
    now = Date.now,
    sleep: wait = realSleep,
    random = Math.random,
  }: UpstreamOptions,
  earlier?: Pick<UpstreamCore, 'health' | 'gate'>,
): UpstreamCore {
  const closing = new AbortController()
  const sleep = (milliseconds: number, signal?: AbortSignal) =>
    underAny([signal, closing.signal], ended => wait(milliseconds, ended))
  const limits = {
    ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
    ...(rateLimit === undefined ? {} : { rateLimit }),
  }
  const { health, gate } = earlier ?? { health: createHealth(breaker, now), gate: createGate(limits, now) }
  let transport: Transport | undefined
  let opening: Promise<Transport> | undefined
  let cache: Promise<ByteCache> | undefined
  return {
    retry: { attempts, firstWait, longestWait },
    patience: breaker.patience ?? 0,
    health,
    gate,
    maxAnswerBytes,
    now,
    sleep,
    random,
    transport() {
      opening ??= openTransport({ connect, firstByte, idle, total }).then(opened => {
        transport = opened
        return opened
      })
      return transport ?? opening
    },
    cache() {
      if (!cacheOptions) return undefined
      cache ??= import('./response_cache.ts').then(module => module.openResponseCache(cacheOptions, now))
      return cache
    },
    begin(models) {
      health.renew(models, breaker)
      gate.adjust(limits)
    },
    async close() {
      closing.abort()
      await Promise.all([opening?.then(open => open.close()), cache?.then(open => open.close())])
    },
  }
}
