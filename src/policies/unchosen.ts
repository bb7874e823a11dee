import type { Alternative, Model } from '../types.ts'

/** Candidates that were not chosen: those that something speaks for first, then all others with the same reason. */
export type Unchosen = (
  candidates: readonly Model[],
  chosen: string,
  named: readonly Alternative[],
) => readonly Alternative[]

/** @param reason of those that nothing speaks for, as a phrase. What is the same in every decision is made once. */
export function createUnchosen(reason: string): Unchosen {
  const made = new Map<string, Alternative>()
  const plain = (model: string) => {
    const found = made.get(model) ?? { model, reason }
    made.set(model, found)
    return found
  }
  return (candidates, chosen, named) => {
    const others = [...named]
    for (let i = 0; i < candidates.length; i++) {
      const { id } = candidates[i]!
      if (id !== chosen && !names(named, id)) others.push(plain(id))
    }
    return others
  }
}

/** Whether one of the alternatives is this model. */
export function names(alternatives: readonly Alternative[], model: string): boolean {
  for (let i = 0; i < alternatives.length; i++) if (alternatives[i]!.model === model) return true
  return false
}
