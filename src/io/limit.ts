/** Runs tasks in the order they come, at most `most` at a time. */
export function createLimit(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async task => {
    if (running === most) await new Promise<void>(resolve => waiting.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      // The place goes straight to the next in line: nobody can slip in between.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
