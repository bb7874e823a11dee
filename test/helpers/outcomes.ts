import { createRandom } from '../../src/math/random.ts'
import type { Outcomes } from '../../src/types.ts'

const HARD = ['integral', 'theorem', 'eigenvalue', 'Beweis', '証明']
const EASY = ['weather', 'recipe', 'birthday', 'Garten', '天気']
const FILLER = ['please', 'tell', 'me', 'about', 'the', 'one', 'that', 'we', 'saw', 'today', '3', '+', '2?']

export interface SyntheticOptions {
  readonly rows: number
  /** The better ones last; each is a step better on hard prompts than the one before. Default weak and strong. */
  readonly models?: readonly string[]
  readonly seed?: number
  /** Share of scores that are not known, over the models of a row. Default 0. */
  readonly unknown?: number
}

/** Whether a synthetic prompt is one on which the strong model is needed. */
export function isHard(prompt: string): boolean {
  return HARD.some(word => prompt.includes(word))
}

/**
 * Outcomes in which single words tell where a better model adds something: on easy prompts nearly all is right, on hard ones
 * the first model is right in one of ten and the last in nine. The pair is the last and the first model.
 */
export function syntheticOutcomes({
  rows,
  models = ['weak', 'strong'],
  seed = 1,
  unknown = 0,
}: SyntheticOptions): Outcomes {
  const random = createRandom(seed)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!
  const prompts = Array.from({ length: rows }, (_, i) => {
    const filler = Array.from({ length: 2 + Math.floor(random() * 10) }, () => pick(FILLER)).join(' ')
    return `${filler} ${pick(random() < 0.4 ? HARD : EASY)} ${i}`
  })
  const last = models.length - 1
  const scores = Float64Array.from({ length: rows * models.length }, (_, k) => {
    const model = k % models.length
    const chance = isHard(prompts[Math.floor(k / models.length)]!) ? 0.1 + (0.8 * model) / last : 0.9
    const score = Number(random() < chance)
    return random() < unknown ? Number.NaN : score
  })
  const column = (model: number) => scores.filter((_, k) => k % models.length === model)
  return {
    prompts,
    ids: prompts.map((_, i) => `row-${i + 1}`),
    categories: prompts.map(prompt => (isHard(prompt) ? 'hard' : 'easy')),
    strong: column(last),
    weak: column(0),
    source: new Uint16Array(rows),
    sources: [{ name: 'synthetic', sha256: '', strong: last, weak: 0 }],
    models,
    scores,
    winRates: new Map(),
  }
}
