import { createRandom } from '../../src/math/random.ts'

/** Words that only the dear model can deal with, and others. */
const HARD = ['theorem', 'integral', 'matrix', 'entropy']
const EASY = ['weather', 'recipe', 'garden', 'birthday']

/** Outcomes of three models with costs: `cheap` is good on easy words, `dear` on all, `poor` on none. */
export function wideCsv(rows: number, seed = 1): string {
  const random = createRandom(seed)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!
  const lines = Array.from({ length: rows }, (_, i) => {
    const isHard = random() < 0.4
    const word = pick(isHard ? HARD : EASY)
    const earned = (chance: number) => (random() < chance ? 1 : 0)
    const scores = [earned(isHard ? 0.1 : 0.92), earned(0.9), earned(0.2)]
    return `r${i},tell me about the ${word} number ${i},${isHard ? 'hard' : 'easy'},${scores.join()},0.0002,0.01,0.0004`
  })
  const models = ['cheap', 'dear', 'poor']
  const header = ['id', 'prompt', 'category', ...models.map(id => `score:${id}`), ...models.map(id => `cost:${id}`)]
  return `${header.join()}\n${lines.join('\n')}\n`
}
