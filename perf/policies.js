import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './median.mjs'

const library = process.env.LLMROUTE_DIST ?? new URL('../dist', import.meta.url).pathname
const { createRouter, policies } = await import(`${library}/index.js`)

const models = ['a', 'b', 'c', 'd'].map((id, i) => ({
  id,
  inputPrice: i + 1,
  outputPrice: 2 * i + 1,
  outputTokens: 100,
  contextWindow: 128_000,
  weight: i + 1,
  profile: { accuracy: 0.5 + i / 10, speed: 1 - i / 10 },
}))
const statistics = {
  of: id => ({
    inFlight: models.findIndex(model => model.id === id),
    requests: 50,
    errors: 1,
    errorRate: 0.02,
    latency: 100,
    latencyAt: () => 100,
    cost: 0.001,
    outputTokens: 100,
    isOpen: false,
  }),
}
const pool = { models, pair: { strong: models[3], weak: models[0] }, statistics }
const strategy = { winRate: async prompts => new Float64Array(prompts.length).fill(0.4) }
const RULES = 10_000
const rules = Array.from({ length: RULES }, (_, i) => ({
  when: { user: `u${i}`, length: { gt: 0 } },
  model: models[i % models.length].id,
}))

/** Policies that only pick, tokens and win rates given: id, options, µs a decision at most. */
const cases = [
  ['threshold', undefined, 5],
  ['best_value', { lambda: 100 }, 5],
  ['static', { tasks: { code: 'a' }, default: 'b' }, 5],
  ['profile', {}, 5],
  ['stochastic', {}, 5],
  ['ab', { split: { a: 0.5, b: 0.5 } }, 5],
  ['cascade', {}, 5],
  ['ensemble', {}, 5],
  ['chain', { order: ['static'] }, 5],
  ['round_robin', undefined, 5],
  ['weighted_round_robin', undefined, 5],
  ['least_connections', undefined, 5],
  ['performance', undefined, 5],
  ['adaptive', undefined, 5],
  ['rules', rules, 20],
  ['consistent_hash', undefined, 2],
]

const withRules = conditions => () => ({
  rules: conditions.map(condition => ({ ...condition, model: 'a' })),
  default: 'b',
})

/** Policies that read the text themselves: id, options, µs a prompt at most. Of rules none matches, so that all is worked out. */
const readers = [
  [
    'context',
    withRules([{ language: 'ja' }, { domain: 'food' }, { complexity: { gte: 0.99 } }, { turns: { gte: 2 } }]),
    100,
  ],
  [
    'content',
    withRules([{ task: 'translation' }, { topic: 'food' }, { sentiment: 'positive' }, { sensitive: true }]),
    200,
  ],
  ['learned', trained, 100],
]

/** One decision after the other, each asked for alone. */
export async function measure() {
  const rows = []
  for (const [id, options, target] of cases) {
    const policy = await make(id, options)
    const value = await microseconds(request => policy.decide(request, pool), picked)
    const name = `decision of ${id}${id === 'rules' ? `, ${RULES.toLocaleString('en-US')} of them` : ''}`
    rows.push({ name, value, unit: 'µs', target: `≤ ${target}` })
  }
  for (const [id, optionsOf, target] of readers) {
    const policyOptions = optionsOf()
    const router = await createRouter({ policy: id, policyOptions, models: ['a', 'b', 'c'] })
    const value = await microseconds(request => router.decide(request), read)
    rows.push({ name: `decision of ${id}, prompts of 200 characters`, value, unit: 'µs', target: `≤ ${target}` })
  }
  return rows
}

async function make(id, options) {
  const module = await policies[id].load()
  return module.create({
    options,
    pool,
    seed: 1,
    now: Date.now,
    strategy: async () => ({ strategy, strategyId: 'given', threshold: 0.5 }),
    policy: other => make(other, cases.find(([known]) => known === other)[1]),
  })
}

/** Weights that `train --policy learned` makes of 500 prompts, three models to choose between. */
function trained() {
  const folder = mkdtempSync(join(tmpdir(), 'llmroute-'))
  process.on('exit', () => rmSync(folder, { recursive: true }))
  const [data, checkpoint] = [join(folder, 'data.csv'), join(folder, 'learned.safetensors')]
  const rows = read
    .slice(0, 500)
    .map(([{ prompt }], i) => `${prompt},${'abc'[prompt.includes('numbers') ? 0 : 1 + (Math.floor(i / 7) % 2)]}`)
  writeFileSync(data, `prompt,model\n${rows.join('\n')}\n`)
  execFileSync(process.execPath, [`${library}/main.js`, 'train', '--policy', 'learned', data, '-o', checkpoint], {
    stdio: 'ignore',
  })
  return { checkpoint }
}

const REQUESTS = 1000
const ROUNDS = 30
const picked = Array.from({ length: REQUESTS }, (_, i) => [
  { prompt: `prompt ${i}`, user: `u${i * 7}`, key: `k${i}`, metadata: { task: 'code' }, needs: { inputTokens: 20 } },
])
const WORDS =
  'could you please explain how the court decides whether a contract that both sides signed in anger can still be enforced when one of them writes a function that sorts the numbers and sends an email about it'.split(
    ' ',
  )
/** Other words in each, so that nothing is remembered. */
const read = Array.from({ length: REQUESTS }, (_, i) => [
  {
    prompt: Array.from(
      { length: 37 },
      (_, k) => WORDS[(i * 7 + k * (1 + (i % 5))) % WORDS.length] + (k % 9 ? '' : i),
    ).join(' '),
  },
])

async function microseconds(decide, requests) {
  const times = []
  for (let round = 0; round < ROUNDS; round++) {
    for (const request of requests) {
      const start = performance.now()
      await decide(request)
      // The first rounds warm up.
      if (round >= ROUNDS / 2) times.push((performance.now() - start) * 1000)
    }
  }
  return median(times)
}
