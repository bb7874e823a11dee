const callbacksOf = new WeakMap<AbortSignal, (() => void)[]>()

/**
 * Calls `callback` once the signal is aborted; what it returns takes that back. A thousand calls may share a signal: it gets one
 * listener from all of them, since Node warns of more than ten.
 *
 * The callbacks stand in an array. A Set that is added to and deleted from makes itself anew every few times, and what it was
 * before keeps all that stood in it alive until the next full collection: requests, with their bodies and connections.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (!signal) return () => {}
  let callbacks = callbacksOf.get(signal)
  if (!callbacks) {
    const added: (() => void)[] = []
    callbacks = added
    callbacksOf.set(signal, added)
    signal.addEventListener('abort', () => {
      for (const told of [...added]) told()
    })
  }
  callbacks.push(callback)
  const kept = callbacks
  return () => {
    const place = kept.indexOf(callback)
    if (place >= 0) kept.splice(place, 1)
  }
}

/**
 * Runs with a signal that is aborted as soon as one of these is. Of AbortSignal.any, signals that last would keep a reference for
 * each call.
 */
export async function underAny<T>(
  signals: readonly (AbortSignal | undefined)[],
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = new AbortController()
  const forgets = signals.map(signal => {
    if (signal?.aborted) either.abort(signal.reason)
    return onAbort(signal, () => either.abort(signal?.reason))
  })
  try {
    return await run(either.signal)
  } finally {
    for (const forget of forgets) forget()
  }
}
