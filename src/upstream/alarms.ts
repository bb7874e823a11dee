/** Calls its callback once, after a while, unless it is given back before. */
export interface Alarm {
  ring: (() => void) | undefined
  readonly timer: NodeJS.Timeout
}

/**
 * Alarms that all ring after the same time, and keep no process alive. Few ever ring, and a new timer for each attempt costs as much
 * as all else that is kept of it: those that are given back are lent again.
 * @param milliseconds after which one rings.
 */
export function createAlarms(milliseconds: number): {
  lend(ring: () => void): Alarm
  giveBack(alarm: Alarm): void
} {
  const free: Alarm[] = []

  function create(): Alarm {
    const alarm: Alarm = {
      ring: undefined,
      timer: setTimeout(() => {
        const { ring } = alarm
        alarm.ring = undefined
        ring?.()
      }, milliseconds).unref(),
    }
    return alarm
  }

  return {
    lend(ring) {
      const alarm = free.pop()
      if (alarm) alarm.timer.refresh()
      const lent = alarm ?? create()
      lent.ring = ring
      return lent
    },
    giveBack(alarm) {
      alarm.ring = undefined
      free.push(alarm)
    },
  }
}
