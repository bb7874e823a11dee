import type { Dispatcher } from 'undici'
import type { Timeouts } from '../call_types.ts'
import { type Alarm, type Alarms, createAlarms } from './alarms.ts'
import { AttemptFailure } from './attempt_failure.ts'
import { decoded } from './decoded.ts'
import { networkFailure } from './network_failure.ts'
import { onAbort } from './on_abort.ts'
import { ArrivingBody, type ReplyBody } from './reply_body.ts'
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
export async function openTransport(timeouts: Required<Timeouts>): Promise<Transport> {
  const { createAgent } = await import('./agent.ts')
  const agent = createAgent(timeouts.connect)
  const alarms = createAlarms(Math.min(timeouts.firstByte, timeouts.idle, timeouts.total, LONGEST_TIMER))
  return {
    send: ({ origin, path, headers, body, signal }) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const attempt = new SentRequest(timeouts, alarms, signal, resolve, reject)
        agent.dispatch({ origin, path, method: 'POST', headers, body }, attempt)
      }),
    close: () => agent.destroy(),
  }
}

/** A request that is under way. Of a class, as its body is. */
class SentRequest implements Dispatcher.DispatchHandler {
  private readonly started = performance.now()
  private readonly timeouts: Required<Timeouts>
  private readonly alarms: Alarms
  private readonly resolve: (reply: Reply) => void
  private readonly reject: (error: unknown) => void
  private readonly alarm: Alarm
  private readonly forget: () => void
  private controller: Dispatcher.DispatchController | undefined
  private reply: ArrivingBody | undefined
  private timer: NodeJS.Timeout | undefined
  private isOver = false
  private isOverdue = false

  constructor(
    timeouts: Required<Timeouts>,
    alarms: Alarms,
    signal: AbortSignal | undefined,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ) {
    this.timeouts = timeouts
    this.alarms = alarms
    this.resolve = resolve
    this.reject = reject
    this.alarm = alarms.lend(this)
    this.forget = onAbort(signal, () => this.fail(signal?.reason))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    if (this.isOver) controller.abort(new Error('aborted'))
  }

  onResponseStart(_: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status < 200 || this.isOver) return
    this.reply = new ArrivingBody(this.controller!, this)
    this.resolve(decoded({ status, headers: plainHeaders(headers), body: this.reply }))
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    this.reply?.push(chunk)
  }

  onResponseEnd(): void {
    this.settle()
    this.reply?.end()
  }

  onResponseError(_: unknown, error: Error): void {
    this.fail(networkFailure(error, this.timeouts.connect))
  }

  fail(error: unknown): void {
    if (this.isOver) return
    this.settle()
    if (this.reply) this.reply.fail(error)
    else this.reject(error)
    this.controller?.abort(error instanceof Error ? error : new Error('aborted'))
  }

  /** The alarm's, and its timers'. */
  onAlarm(): void {
    if (this.isOver) return
    const { firstByte, idle, total } = this.timeouts
    const now = performance.now()
    const last = this.reply?.lastByteAt()
    const ends =
      last === undefined
        ? ([this.started + firstByte, this.reply ? 'no first byte' : 'no answer', firstByte] as const)
        : ([last + idle, 'nothing more', idle] as const)
    const whole = [this.started + total, 'no whole answer', total] as const
    const [end, phrase, limit] = whole[0] < ends[0] ? whole : ends
    // After a pause of our own the answer may be there and not read yet: it gets one turn of the event loop.
    if (now >= end && !this.isOverdue) setImmediate(() => this.onAlarm())
    else if (now >= end) this.fail(new AttemptFailure(`${phrase} in ${limit} ms`, 'passing', { isTimeout: true }))
    else this.timer = setTimeout(() => this.onAlarm(), Math.ceil(Math.min(end - now, idle, LONGEST_TIMER))).unref()
    this.isOverdue = now >= end
  }

  private settle(): void {
    if (this.isOver) return
    this.isOver = true
    this.alarms.giveBack(this.alarm)
    clearTimeout(this.timer)
    this.forget()
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
