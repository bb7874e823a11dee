/** Rings once, after a while, unless it is given back before. */
export interface Alarm {
  listener: AlarmListener | undefined
  readonly timer: NodeJS.Timeout
}

/** Who is told when an alarm rings. */
export interface AlarmListener {
  onAlarm(): void
}

/** Alarms to lend. */
export interface Alarms {
  lend(listener: AlarmListener): Alarm
  giveBack(alarm: Alarm): void
}

/**
 * Alarms that all ring after the same time, and keep no process alive. Few ever ring, and a new timer for each attempt costs as much
 * as all else that is kept of it: those that are given back are lent again.
 * @param milliseconds after which one rings.
 */
export function createAlarms(milliseconds: number): Alarms {
  const free: Alarm[] = []

  function create(): Alarm {
    const alarm: Alarm = {
      listener: undefined,
      timer: setTimeout(() => {
        const { listener } = alarm
        alarm.listener = undefined
        listener?.onAlarm()
      }, milliseconds).unref(),
    }
    return alarm
  }

  return {
    lend(listener) {
      const alarm = free.pop()
      if (alarm) alarm.timer.refresh()
      const lent = alarm ?? create()
      lent.listener = listener
      return lent
    },
    giveBack(alarm) {
      alarm.listener = undefined
      free.push(alarm)
    },
  }
}
