import type { Battles } from '../math/bradley_terry.ts'
import { createRandom } from '../math/random.ts'
import type { Outcomes } from '../types.ts'
import { sourceShifts } from './source_shifts.ts'

/** Battles of two models on one prompt, and which prompt it was. One entry each per battle. */
export interface PromptBattles extends Battles {
  /** Indexes of the two models. */
  readonly a: Uint16Array
  readonly b: Uint16Array
  /** ½ + ½ (score of a − score of b). */
  readonly score: Float32Array
  /** Index of the outcomes' row. */
  readonly rows: Int32Array
}

/**
 * The battles of every two models known in a row, at most `perRow` of them, drawn by the seed; the battle of the row's
 * own pair is always among them. With several sources that one is taken off by how far the source's mean stands out.
 */
export function battlesOf(outcomes: Outcomes, perRow: number, seed: number): PromptBattles {
  const random = createRandom(seed)
  const shifts = sourceShifts(outcomes)
  const models = outcomes.models.length
  const battles: [row: number, first: number, second: number, share: number][] = []
  for (let row = 0; row < outcomes.prompts.length; row++) {
    const scores = outcomes.scores.subarray(row * models, (row + 1) * models)
    const { strong, weak } = outcomes.sources[outcomes.source[row]!]!
    const shift = shifts[outcomes.source[row]!]!
    const others: [number, number][] = []
    for (let a = 0; a < models; a++) {
      for (let b = 0; b < a; b++) {
        if (Number.isNaN(scores[a]! - scores[b]!)) continue
        if (a === strong && b === weak) battles.push([row, a, b, shareOf(scores[a]! - scores[b]! - shift)])
        else if (a === weak && b === strong) battles.push([row, b, a, shareOf(scores[b]! - scores[a]! - shift)])
        else others.push([a, b])
      }
    }
    for (let taken = 0; taken < perRow - 1 && others.length > 0; taken++) {
      const place = Math.floor(random() * others.length)
      const [a, b] = others[place]!
      others[place] = others.at(-1)!
      others.pop()
      battles.push([row, a, b, shareOf(scores[a]! - scores[b]!)])
    }
  }
  return {
    rows: Int32Array.from(battles, battle => battle[0]),
    a: Uint16Array.from(battles, battle => battle[1]),
    b: Uint16Array.from(battles, battle => battle[2]),
    score: Float32Array.from(battles, battle => battle[3]),
  }
}

function shareOf(difference: number): number {
  return Math.max(0, Math.min(1, 0.5 + difference / 2))
}
