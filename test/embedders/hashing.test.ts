import { expect, test } from 'vitest'
import { create } from '../../src/embedders/hashing.ts'
import { UsageError } from '../../src/errors.ts'

const embedder = await create({})

async function cosine(a: string, b: string): Promise<number> {
  const vectors = await embedder.embed([a, b])
  return vectors.subarray(0, 256).reduce((sum, value, i) => sum + value * vectors[256 + i]!, 0)
}

test('256 dimensions unless told otherwise', async () => {
  expect(embedder).toMatchObject({ id: 'hashing', dimensions: 256 })
  expect(await (await create({ dimensions: 100 })).embed(['one text'])).toHaveLength(100)
})

test.each([0, -1, 1.5, Number.NaN, 32769])('%s dimensions are refused', async dimensions => {
  await expect(create({ dimensions })).rejects.toThrow(UsageError)
})

test('like texts are near, unlike ones are not', async () => {
  expect(await cosine('how do I bake bread', 'how do I bake a bread?')).toBeGreaterThan(0.7)
  expect(Math.abs(await cosine('how do I bake bread', 'quantum chromodynamics'))).toBeLessThan(0.3)
})

test('case is folded, word order is not', async () => {
  expect(await cosine('Bake BREAD', 'bake bread')).toBeCloseTo(1, 6)
  expect(await cosine('man bites dog', 'dog bites man')).toBeLessThan(0.99)
})

test('forms of a word are near, in any script', async () => {
  for (const [a, b] of [
    ['integrals', 'integral'],
    ['интегралы', 'интеграл'],
    ['微分方程式', '微分方程'],
    ['समीकरणों', 'समीकरण'],
  ]) {
    expect(await cosine(a!, b!), a).toBeGreaterThan(0.5)
  }
})

test('a word said often counts less than in proportion', async () => {
  const [one, many] = [await cosine('bread', 'bread milk'), await cosine('bread', `bread ${'milk '.repeat(50)}`)]
  expect(many).toBeLessThan(one)
  // In raw counts it would be under a fiftieth; with 1 + ln(50) it is near a fifth.
  expect(many).toBeGreaterThan(0.1)
})

test('ordinary prompts, 20,000 a second on an idle core: here at least a quarter of that', async () => {
  const prompts = Array.from(
    { length: 4000 },
    (_, i) => `Question ${i}: explain the difference between them in a few words.`,
  )
  await embedder.embed(prompts)
  const start = performance.now()
  await embedder.embed(prompts)
  expect((4000 / (performance.now() - start)) * 1000).toBeGreaterThan(5000)
})
