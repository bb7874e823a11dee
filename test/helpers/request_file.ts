import { createRandom } from '../../src/math/random.ts'

const WORDS = ['prove', 'that', 'the', 'sum', 'of', 'two', 'odd', 'numbers', 'is', 'even', 'and', 'say', 'why']

/** Rows of requests as CSV: quotes, commas and newlines in every tenth prompt, `badRows` of them malformed. */
export function requestCsv(rows: number, { seed = 1, badRows = 0 } = {}): string {
  const random = createRandom(seed)
  const pick = () => WORDS[Math.floor(random() * WORDS.length)]!
  const every = badRows > 0 ? Math.floor(rows / badRows) : Number.POSITIVE_INFINITY
  const lines = Array.from({ length: rows }, (_, i) => {
    const prompt = Array.from({ length: 3 + Math.floor(random() * 40) }, pick).join(' ')
    if (i % every === every - 1) return i % 2 ? `${i},"${prompt}" oops,x` : `${i},${prompt}`
    return i % 10 === 0 ? `${i},"${prompt}, ""quoted""\nand more",x` : `${i},${prompt},x`
  })
  return `id,prompt,note\n${lines.join('\n')}\n`
}
