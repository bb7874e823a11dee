const callbacksOf = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `callback` once the signal is aborted; what it returns takes that back. A thousand calls may share a signal: it gets one
 * listener from all of them, since Node warns of more than ten.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (!signal) return () => {}
  let callbacks = callbacksOf.get(signal)
  if (!callbacks) {
    const added = new Set<() => void>()
    callbacks = added
    callbacksOf.set(signal, added)
    signal.addEventListener('abort', () => {
      for (const told of [...added]) told()
    })
  }
  callbacks.add(callback)
  const kept = callbacks
  return () => kept.delete(callback)
}
