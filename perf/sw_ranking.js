import { strategies } from '../dist/index.js'
import { median } from './median.mjs'

const BATTLES = 20_000
const DIMENSIONS = 256
const PROMPTS = 640
const RUNS = 3

/** sw_ranking over 20,000 battles of 256 dimensions, on the one thread that JavaScript has; RouteLLM publishes 2.9 prompts/s. */
export async function measure() {
  const { fit, create } = await strategies.sw_ranking.load()
  const random = sequence(1)
  const resources = { seed: 0, embedder: async () => embedderOf(random) }
  const checkpoint = await fit(outcomesOf(random), resources)
  const strategy = await create({ ...resources, checkpoint: async () => checkpoint })
  const prompts = Array.from({ length: PROMPTS }, (_, i) => `question ${i}`)
  const rates = []
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now()
    await strategy.winRate(prompts)
    rates.push((PROMPTS / (performance.now() - start)) * 1000)
  }
  return [
    {
      name: 'sw_ranking: 20,000 battles × 256 dimensions',
      value: Math.round(median(rates)),
      unit: 'prompts/s',
      target: '≥ 300',
    },
  ]
}

/** Random vectors of unit length: what is measured is the scan over the battles, not the embedding. */
function embedderOf(random) {
  return {
    id: 'noise',
    dimensions: DIMENSIONS,
    async embed(texts) {
      const vectors = Float32Array.from({ length: texts.length * DIMENSIONS }, () => random() - 0.5)
      for (let start = 0; start < vectors.length; start += DIMENSIONS) {
        const row = vectors.subarray(start, start + DIMENSIONS)
        const length = Math.hypot(...row)
        for (let i = 0; i < DIMENSIONS; i++) row[i] /= length
      }
      return vectors
    },
  }
}

function outcomesOf(random) {
  const rows = Array.from({ length: BATTLES }, (_, i) => i)
  const scores = Float64Array.from({ length: BATTLES * 2 }, (_, i) => Number(random() < (i % 2 ? 0.8 : 0.6)))
  return {
    prompts: rows.map(i => `battle ${i}`),
    ids: rows.map(String),
    categories: rows.map(() => ''),
    weak: scores.filter((_, i) => i % 2 === 0),
    strong: scores.filter((_, i) => i % 2 === 1),
    source: new Uint16Array(BATTLES),
    sources: [{ name: 'noise', sha256: '', strong: 1, weak: 0 }],
    models: ['weak', 'strong'],
    scores,
    winRates: new Map(),
  }
}

function sequence(seed) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
}
