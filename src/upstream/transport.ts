import type { Dispatcher } from 'undici'
import type { Timeouts } from '../call_types.ts'
import { createAlarms } from './alarms.ts'
import { AttemptFailure } from './attempt_failure.ts'
import { decoded } from './decoded.ts'
import { networkFailure } from './network_failure.ts'
import { onAbort } from './on_abort.ts'
import { createReplyBody, type ReplyBody } from './reply_body.ts'
import { LONGEST_TIMER } from './sleep.ts'

/** A POST on its way out. */
export interface OutgoingRequest {
  /** `https://host:port`. */
  readonly origin: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  readonly signal?: AbortSignal | undefined
}

/** An answer whose headers are there. */
export interface Reply {
  readonly status: number
  /** Names in lower case; of several values of one name, all, joined with commas. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: ReplyBody
}

/** Sends requests over connections that are kept open. */
export interface Transport {
  /**
   * Follows no redirect. The body of the reply must be read or cancelled.
   * @throws AttemptFailure where no answer comes; the reason of the signal.
   */
  send(request: OutgoingRequest): Promise<Reply>
  /** Ends what is under way. */
  close(): Promise<void>
}

/** One alarm per attempt, and where it rings a timer, watch all its times. */
export async function openTransport({ connect, firstByte, idle, total }: Required<Timeouts>): Promise<Transport> {
  const { createAgent } = await import('./agent.ts')
  const agent = createAgent(connect)
  const { lend, giveBack } = createAlarms(Math.min(firstByte, idle, total, LONGEST_TIMER))
  return {
    send: ({ origin, path, headers, body, signal }) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const started = performance.now()
        let controller: Dispatcher.DispatchController | undefined
        let reply: ReturnType<typeof createReplyBody> | undefined
        let isOver = false
        const fail = (error: unknown) => {
          if (isOver) return
          settle()
          if (reply) reply.fail(error)
          else reject(error)
          controller?.abort(error instanceof Error ? error : new Error('aborted'))
        }
        const forget = onAbort(signal, () => fail(signal?.reason))
        const settle = () => {
          if (isOver) return
          isOver = true
          giveBack(alarm)
          clearTimeout(timer)
          forget()
        }
        let timer: NodeJS.Timeout | undefined
        let isOverdue = false
        const check = () => {
          if (isOver) return
          const now = performance.now()
          const last = reply?.lastByteAt()
          const ends =
            last === undefined
              ? ([started + firstByte, reply ? 'no first byte' : 'no answer', firstByte] as const)
              : ([last + idle, 'nothing more', idle] as const)
          const whole = [started + total, 'no whole answer', total] as const
          const [end, phrase, limit] = whole[0] < ends[0] ? whole : ends
          // After a pause of our own the answer may be there and not read yet: it gets one turn of the event loop.
          if (now >= end && !isOverdue) setImmediate(check)
          else if (now >= end) fail(new AttemptFailure(`${phrase} in ${limit} ms`, 'passing', { isTimeout: true }))
          else timer = setTimeout(check, Math.ceil(Math.min(end - now, idle, LONGEST_TIMER))).unref()
          isOverdue = now >= end
        }
        const alarm = lend(check)
        agent.dispatch(
          { origin, path, method: 'POST', headers, body },
          {
            onRequestStart: started => {
              controller = started
              if (isOver) started.abort(new Error('aborted'))
            },
            onResponseStart: (_, status, received) => {
              if (status < 200 || isOver) return
              reply = createReplyBody(controller!, fail)
              resolve(decoded({ status, headers: plainHeaders(received), body: reply.body }))
            },
            onResponseData: (_, chunk) => reply?.push(chunk),
            onResponseEnd: () => {
              settle()
              reply?.end()
            },
            onResponseError: (_, error) => fail(networkFailure(error, connect)),
          },
        )
      }),
    close: () => agent.destroy(),
  }
}

/** As they are where no name came twice, as almost always: a copy for each reply would cost more than reading them. */
function plainHeaders(received: Record<string, string | string[] | undefined>): Readonly<Record<string, string>> {
  for (const name in received) {
    // As the name of a header, `__proto__` would not become a property of a copy.
    if (typeof received[name] !== 'string' || name === '__proto__') return joined(received)
  }
  return received as Readonly<Record<string, string>>
}

function joined(received: Record<string, string | string[] | undefined>): Record<string, string> {
  const { __proto__: _, ...others } = received
  return Object.fromEntries(
    Object.entries(others).map(([name, value = '']) => [name, typeof value === 'string' ? value : value.join(', ')]),
  )
}
