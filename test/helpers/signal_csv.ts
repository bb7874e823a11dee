import { createRandom } from '../../src/math/random.ts'

const HARD = ['integral', 'theorem', 'matrix', 'kernel', 'entropy']
const EASY = ['weather', 'recipe', 'garden', 'birthday', 'holiday']
const FILLER = ['about', 'with', 'please', 'and', 'then', 'again', 'maybe', 'today']

/** A pair file on which single words tell where strong is needed and length tells nothing. */
export function signalCsv(rows: number, seed = 1): string {
  const random = createRandom(seed)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!
  const lines = Array.from({ length: rows }, (_, i) => {
    const isHard = random() < 0.4
    const filler = Array.from({ length: 2 + Math.floor(random() * 12) }, () => pick(FILLER)).join(' ')
    const weak = random() < (isHard ? 0.2 : 0.9) ? 1 : 0
    return `${i},${pick(isHard ? HARD : EASY)} ${filler} ${i},${random() < 0.92 ? 1 : 0},${weak},${i % 3 ? 'many' : 'few'}`
  })
  return `id,prompt,strong_score,weak_score,category\n${lines.join('\n')}\n`
}
