import type { Model } from '../types.ts'

/** What is the same for all requests of a batch with the same candidates is computed once, as long as they follow each other. */
export function createPerCandidates<T>(
  compute: (candidates: readonly Model[]) => T,
): (candidates: readonly Model[]) => T {
  let known: { readonly candidates: readonly Model[]; readonly value: T } | undefined
  return candidates => {
    if (known?.candidates !== candidates) known = { candidates, value: compute(candidates) }
    return known.value
  }
}
