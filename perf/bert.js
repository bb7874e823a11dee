import { createRouter } from '../dist/index.js'
import { median } from './median.mjs'

const PROMPTS = 200
const RUNS = 3
const WORDS = 'the water of a city is what people in this country need when they want to make their own house'.split(
  ' ',
)

/** The shipped classifier on all cores; a word here is a token, and two more frame a prompt. RouteLLM publishes 69.6 on an L4. */
export async function measure() {
  const { winRate } = await createRouter({ strategy: 'bert' })
  const figures = []
  for (const tokens of [128, 24]) {
    const prompts = Array.from({ length: PROMPTS }, (_, i) =>
      Array.from({ length: tokens - 2 }, (_, k) => WORDS[(i * 7 + k * (1 + (i % 5))) % WORDS.length]).join(' '),
    )
    await winRate(prompts.slice(0, 10))
    const rates = []
    for (let run = 0; run < RUNS; run++) {
      const start = performance.now()
      await winRate(prompts)
      rates.push((PROMPTS / (performance.now() - start)) * 1000)
    }
    figures.push({
      name: `bert: prompts of ${tokens} tokens, all cores`,
      value: Math.round(median(rates)),
      unit: 'prompts/s',
      target: tokens === 128 ? '≥ 70' : '',
    })
  }
  return figures
}
