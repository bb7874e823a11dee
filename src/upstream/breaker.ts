import type { BreakerOptions } from '../call_types.ts'
import type { AttemptFailure, FailureCategory } from './attempt_failure.ts'

/** Permission for one attempt. Given back by exactly one of `succeed`, `fail` and `abandon`. */
export interface Pass {
  /** Whether what becomes of it decides if an open breaker closes. */
  readonly isProbe: boolean
}

/** Leaves a model alone that fails: closed → open → half open, where one probe decides. */
export interface Breaker {
  /** Undefined where the model is to be left alone. */
  enter(): Pass | undefined
  succeed(pass: Pass): void
  fail(pass: Pass, failure: AttemptFailure): void
  /** The attempt told nothing: the next one may be the probe. */
  abandon(pass: Pass): void
  isOpen(): boolean
  /** Why it opened, and until when (milliseconds since 1970); undefined where it is closed. */
  opening(): Opening | undefined
  /** Resolves when a probe is over. */
  changed(): Promise<void>
  /** Goes by other options from now on; one that is open stays so until it was to end. */
  adjust(options: BreakerOptions): void
}

/** Why and until when a breaker is open. */
export interface Opening {
  readonly reason: string
  readonly until: number
  /** Of the failure that opened it. */
  readonly category: FailureCategory
}

const BUCKETS = 10

/**
 * Opens on `failures` in a row, on a `share` of those in a window, or at once where key or account is refused.
 * @param now milliseconds since 1970.
 * @param onChange told whenever `isOpen` changes; the end of a cool-down when somebody next looks.
 */
export function createBreaker(
  options: BreakerOptions,
  now: () => number,
  onChange: (isOpen: boolean, reason?: string) => void = () => {},
): Breaker {
  let settings = withDefaults(options)
  let recent = createRecent(settings.window, now)
  let inARow = 0
  let open: Opening | undefined
  let probe: Pass | undefined
  let wasOpen = false
  let waiting: (() => void)[] = []

  const isOpen = () => open !== undefined && (probe !== undefined || now() < open.until)
  const tell = () => {
    const is = isOpen()
    if (is !== wasOpen) onChange(is, open?.reason)
    wasOpen = is
  }
  // Whoever waits looks again when a probe is over, whatever became of it.
  const wakeAll = () => {
    const waiters = waiting
    waiting = []
    for (const wake of waiters) wake()
  }
  const openFor = (time: number, { message, category }: AttemptFailure) => {
    open = { reason: message, until: now() + time, category }
    probe = undefined
    tell()
    wakeAll()
  }
  return {
    enter() {
      if (!open) return NORMAL
      if (isOpen()) return undefined
      probe = { isProbe: true }
      tell()
      return probe
    },
    succeed(pass) {
      if (pass.isProbe && pass === probe) {
        open = probe = undefined
        recent.clear()
        wakeAll()
      }
      if (!open) {
        inARow = 0
        recent.add(false)
      }
      tell()
    },
    fail(pass, failure) {
      const { kind, wait } = failure
      const { failures, share, minimum, coolDown, accountCoolDown } = settings
      if (kind === 'account') return openFor(accountCoolDown, failure)
      const isProbe = pass.isProbe && pass === probe
      if (open && !isProbe) return
      inARow++
      recent.add(true)
      // An answer that says when it will be ready again knows better than we do.
      const time = Math.max(Math.min(wait ?? coolDown, 10 * coolDown), Math.min(1000, coolDown))
      if (isProbe) return openFor(time, failure)
      const isMany = recent.total() >= minimum && recent.failed() / recent.total() >= share
      if (inARow >= failures || isMany) openFor(time, failure)
    },
    abandon(pass) {
      if (pass !== probe) return
      probe = undefined
      tell()
      wakeAll()
    },
    isOpen() {
      const is = isOpen()
      if (is !== wasOpen) tell()
      return is
    },
    opening: () => open,
    changed: () => new Promise(resolve => waiting.push(resolve)),
    adjust(next) {
      const { window } = settings
      settings = withDefaults(next)
      if (settings.window !== window) recent = createRecent(settings.window, now)
    },
  }
}

function withDefaults({
  failures = 5,
  share = 0.5,
  window = 60_000,
  minimum = 20,
  coolDown = 30_000,
  accountCoolDown = 300_000,
}: BreakerOptions) {
  return { failures, share, window, minimum, coolDown, accountCoolDown }
}

const NORMAL: Pass = { isProbe: false }

/** Counts over the latest `window` milliseconds, in tenths of it. */
function createRecent(window: number, now: () => number) {
  const failed = new Float64Array(BUCKETS)
  const total = new Float64Array(BUCKETS)
  let current = 0
  const advance = () => {
    const slot = Math.floor((now() * BUCKETS) / window)
    const steps = Math.min(BUCKETS, Math.max(0, slot - current))
    for (let i = 1; i <= steps; i++) {
      failed[(current + i) % BUCKETS] = 0
      total[(current + i) % BUCKETS] = 0
    }
    // After a long pause every bucket is empty, whichever they are.
    if (slot > current) current = slot
  }
  const sum = (counts: Float64Array) => counts.reduce((all, count) => all + count, 0)
  return {
    add(isFailure: boolean) {
      advance()
      total[current % BUCKETS]!++
      if (isFailure) failed[current % BUCKETS]!++
    },
    failed: () => sum(failed),
    total: () => sum(total),
    clear() {
      failed.fill(0)
      total.fill(0)
    },
  }
}
