import { expect, test } from 'vitest'
import { createRouter } from '../../src/io/router.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
let files = 0
const answer = (model: string, outputTokens: number | string, more: object = {}) =>
  `${JSON.stringify({ time: 't', id: 'i', ...more, answer: { model, outputTokens } })}\n`

/** The models of a router over `a` (no length configured), `b` (one is) and `c` (its output is free). */
async function lengths(log: string | undefined, options: object = {}): Promise<Record<string, number | undefined>> {
  const name = `log${files++}.jsonl`
  if (log !== undefined) folder.write(name, log)
  const config = folder.write(
    `${name}.yaml`,
    `models:\n  a: { input_price: 1, output_price: 1000 }\n  b: { input_price: 1, output_price: 1, output_tokens: 7 }\n  c: { input_price: 1, output_price: 0 }\nlog: { file: ${name} }\n`,
  )
  const { pool } = await createRouter({ config, policy: 'cascade', ...options })
  return Object.fromEntries(pool.models.map(({ id, outputTokens }) => [id, outputTokens]))
}

test('mean lengths of answers are those of the log where none is configured', async () => {
  const log = `${answer('a', 100)}no decision\n${answer('a', 'x')}{"answer":null}\n${answer('a', 300)}${answer('b', 900)}`
  expect(await lengths(log)).toEqual({ a: 200, b: 7, c: undefined })
})

test('no log yet, or one that is no file, tells nothing', async () => {
  expect(await lengths(undefined)).toEqual({ a: undefined, b: 7, c: undefined })
  expect(await lengths('', { log: folder.path })).toEqual({ a: undefined, b: 7, c: undefined })
})

test('the latest 1,000 answers of a model count, within the last megabyte, whose first line is cut', async () => {
  expect(await lengths(`${answer('a', 1e6)}${answer('a', 50).repeat(1000)}`)).toMatchObject({ a: 50 })
  const long = answer('a', 1e6, { prompt: 'é'.repeat(600_000) })
  expect(await lengths(`${long}${answer('a', 60)}`)).toMatchObject({ a: 60 })
})

test('a policy that goes by cost predicts it, and so does a price cap', async () => {
  const name = 'decided.jsonl'
  folder.write(name, answer('a', 100) + answer('d', 10))
  const config = folder.write(
    'decided.yaml',
    `models:\n  a: { input_price: 0, output_price: 1000 }\n  d: { input_price: 0, output_price: 2000 }\nlog: { file: ${name} }\npair: { strong: a, weak: d }\nstrategy: length\nthreshold: 0\n`,
  )
  const cascade = await createRouter({ config, policy: 'cascade' })
  const [decision] = await cascade.decide(['hi'])
  expect(decision).toMatchObject({ models: ['d', 'a'], cost: 0.02 })
  const threshold = await createRouter({ config })
  const [capped] = await threshold.decide([{ prompt: 'hi', needs: { maxCost: 0.05 } }])
  expect(capped!.model).toBe('d')
})
