import { join, resolve } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { createRouter } from '../../src/io/router.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const shipped = (id: string) => join('checkpoints', `${id}.safetensors`)
let files = 0
const config = (text: string) => folder.write(`${files++}.yaml`, text)
afterEach(() => vi.unstubAllEnvs())

test.each([
  [{ strongPct: 3 }, 'strongPct: expected a share from 0 to 1, got 3.'],
  [{ strongPct: Number.NaN }, 'strongPct: expected a share from 0 to 1, got NaN.'],
  [{ threshold: Number.NaN }, 'threshold: expected a number, got NaN.'],
  [{ threshold: 0.5, strongPct: 0.5 }, 'threshold and strong_pct: expected one of them, got both. Leave one out.'],
  [
    { models: ['a', 'b'] },
    '--models: expected a policy that picks from a pool, got threshold, which decides between strong and weak. Name one with --policy, or the pair with --strong and --weak.',
  ],
  [
    { policy: 'threshold', policyOptions: { lambda: 1 } },
    '--policy-option: expected a policy that has options, got threshold. Name one with --policy.',
  ],
])('%j is refused', async (options, message) => {
  await expect(createRouter(options)).rejects.toThrow(message)
})

test.each([
  [
    'LLMROUTE_STRONG_PCT',
    '3',
    'LLMROUTE_STRONG_PCT: expected a share from 0 to 1 or a percentage such as 30%, got "3".',
  ],
  ['LLMROUTE_THRESHOLD', 'high', 'LLMROUTE_THRESHOLD: expected a number, got "high".'],
  ['LLMROUTE_STRATEGY', 'lienar', 'Unknown strategy "lienar". Did you mean "linear"?'],
])('%s=%s is refused', async (name, value, message) => {
  vi.stubEnv(name, value)
  await expect(createRouter()).rejects.toThrow(message)
})

test('an option goes before the environment, whichever of threshold and share they speak of', async () => {
  vi.stubEnv('LLMROUTE_THRESHOLD', '0.99')
  expect((await createRouter()).threshold).toBe(0.99)
  expect((await createRouter({ strongPct: 1 })).threshold).toBe(0)
  vi.unstubAllEnvs()
  vi.stubEnv('LLMROUTE_STRONG_PCT', '100%')
  expect((await createRouter()).threshold).toBe(0)
})

test('an option for strategy or checkpoint takes the place of the other one in the environment', async () => {
  vi.stubEnv('LLMROUTE_STRATEGY', 'length')
  expect((await createRouter()).strategyId).toBe('length')
  expect((await createRouter({ checkpoint: shipped('linear') })).strategyId).toBe('linear')
  vi.unstubAllEnvs()
  vi.stubEnv('LLMROUTE_CHECKPOINT', shipped('linear'))
  expect((await createRouter({ strategy: 'length' })).strategyId).toBe('length')
})

test('a configured checkpoint that a strategy named above it passes over is said; one that counts is not', async () => {
  const file = config(`checkpoint: ${resolve(shipped('linear'))}\nstrategy: linear\n`)
  expect((await createRouter({ config: file })).notes).toEqual([])
  expect((await createRouter({ config: file, strategy: 'linear' })).notes).toEqual([])
  expect((await createRouter({ config: file, checkpoint: shipped('knn') })).notes).toEqual([])
  expect((await createRouter({ config: file, strategy: 'length' })).notes).toEqual([])
  const { notes, checkpoint } = await createRouter({ config: file, strategy: 'mf' })
  expect(notes).toEqual([
    `The configured checkpoint ${resolve(shipped('linear'))} does not count, since a strategy was named over it: mf uses the shipped ${checkpoint!.file}. Name yours with --checkpoint.`,
  ])
  vi.stubEnv('LLMROUTE_CHECKPOINT', shipped('knn'))
  expect((await createRouter({ strategy: 'mf' })).notes[0]).toContain(
    `The configured checkpoint ${shipped('knn')} does not`,
  )
})

test('quality, where the strategy predicts it: for the models that its weights know', async () => {
  const router = await createRouter({ strategy: 'mf' })
  const { models } = router.checkpoint!.metadata
  const qualities = await router.quality!(['Prove it.', 'hi'], models)
  expect(qualities).toHaveLength(2 * models.length)
  for (const quality of qualities) expect(quality >= 0 && quality <= 1).toBe(true)
  await expect(router.quality!(['hi'], ['nobody'])).rejects.toThrow('Unknown model "nobody".')
  expect((await createRouter({ strategy: 'linear' })).quality).toBeUndefined()
})

test('the threshold of llmroute.yaml is that of its own strategy', async () => {
  const file = config('strategy: knn\nthreshold: 0.123\n')
  expect(await createRouter({ config: file })).toMatchObject({ strategyId: 'knn', threshold: 0.123 })
  expect((await createRouter({ config: file, strategy: 'knn' })).threshold).toBe(0.123)
  expect((await createRouter({ config: file, strategy: 'mf' })).threshold).not.toBe(0.123)
  expect((await createRouter({ config: file, checkpoint: shipped('knn') })).threshold).not.toBe(0.123)
})

test('a pair in llmroute.yaml has to be among its models', async () => {
  const file = config('models: { big: , small: }\npair: { strong: bigg, weak: small }\n')
  await expect(createRouter({ config: file })).rejects.toThrow(
    'Unknown model "bigg". Did you mean "big"? Available: big, small.',
  )
})

test('mf scores for the pair that is routed where it knows both', async () => {
  const router = await createRouter({ strategy: 'mf', threshold: 0.5 })
  const [own] = await router.winRate(['Prove it.'])
  const { strong, weak } = router.checkpoint!.metadata.pair
  const swapped = await createRouter({ strategy: 'mf', threshold: 0.5, strong: weak, weak: strong })
  expect((await swapped.winRate(['Prove it.']))[0]).toBeCloseTo(1 - own!, 6)
  const unknown = await createRouter({ strategy: 'mf', threshold: 0.5, strong: 'another', weak: 'other' })
  expect((await unknown.winRate(['Prove it.']))[0]).toBe(own)
})

test('prompts that are no list of texts are refused', async () => {
  const router = await createRouter()
  await expect(router.decide('hi' as never)).rejects.toThrow('prompts: expected a list of texts, got string.')
  await expect(router.winRate([{ prompt: 'hi' }] as never)).rejects.toThrow('got other things in it.')
})

test('an option that does not exist is refused by the library', async () => {
  await expect(createRouter({ strongpct: 0.3 } as object)).rejects.toThrow(
    'Unknown option "strongpct". Did you mean "strongPct"?',
  )
})

test('of a prompt that is longer than any model reads, the beginning is scored', async () => {
  const router = await createRouter()
  const beginning = 'Prove the theorem, please. '.repeat(10_000).slice(0, 2 ** 18)
  const [whole, head, other] = await router.winRate([`${beginning}?!`, beginning, beginning.slice(0, 1000)])
  expect(whole).toBe(head)
  expect(whole).not.toBe(other)
  expect(await router.explain(`${beginning}?!`)).toEqual(await router.explain(beginning))
})
