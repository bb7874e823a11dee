import { expect, test } from 'vitest'
import { openRequests, PROMPT_COLUMN } from '../../src/io/requests.ts'
import { createRouter } from '../../src/io/router.ts'
import { promptsOf } from '../../src/io/segment_prompts.ts'
import { isPromptAlone, requestsOf } from '../../src/io/segment_requests.ts'
import { routeSegment } from '../../src/io/segment_routing.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()

async function open(name: string, text: string) {
  const requests = await openRequests(folder.write(name, text))
  const { format, header } = requests
  const form = { format, promptColumn: PROMPT_COLUMN, ...(header ? { columns: header.columns } : {}) }
  const segments = []
  for await (const segment of requests.segments()) segments.push(segment)
  return { form, segment: segments[0]! }
}

const needsIn = async (name: string, text: string) => {
  const { form, segment } = await open(name, text)
  const { prompts, rows } = promptsOf(segment, form.format, PROMPT_COLUMN)
  return requestsOf(segment, prompts, rows, form).map(({ needs }) => needs)
}

test('columns name tags and a price cap', async () => {
  const text = 'prompt,needs.tags,needs.max_cost,tags\na,"region:eu, fast",0.01,x\nb,,,y\nc,fast,free,z\n'
  expect(await needsIn('a.csv', text)).toEqual([
    { tags: ['region:eu', 'fast'], maxCost: 0.01 },
    undefined,
    { tags: ['fast'], maxCost: Number.NaN },
  ])
})

test('JSONL does by the same keys, or under needs', async () => {
  const rows = [
    { prompt: 'a', needs: { tags: ['region:eu'], max_cost: 0.5 }, max_tokens: 9 },
    { prompt: 'b', 'needs.tags': 'x,y', 'needs.max_cost': '2' },
    { prompt: 'c', needs: 'none', tags: ['own'], 'needs.max_cost': null },
    { prompt: 'd', needs: { tags: [{ toString: 1 }, 'x'], max_cost: { toString: 1 } } },
  ]
  expect(await needsIn('a.jsonl', rows.map(row => `${JSON.stringify(row)}\n`).join(''))).toEqual([
    { tags: ['region:eu'], maxCost: 0.5, outputTokens: 9 },
    { tags: ['x', 'y'], maxCost: 2 },
    {},
    { tags: ['x'], maxCost: Number.NaN },
  ])
})

test('they count with a threshold too, and a cap that is no number refuses', async () => {
  const config = folder.write(
    'llmroute.yaml',
    'models:\n  a: { tags: [eu], input_price: 0, output_price: 0 }\n  b: { input_price: 0, output_price: 0 }\npair: { strong: a, weak: b }\nstrategy: length\nthreshold: 2\n',
  )
  const router = await createRouter({ config })
  const { form, segment } = await open('b.csv', 'prompt,needs.tags,needs.max_cost\nhi,eu,\nhi,,1\nhi,,free\n')
  expect(isPromptAlone(router.policyId, form)).toBe(false)
  expect(isPromptAlone(router.policyId, { ...form, columns: ['prompt', 'tags'] })).toBe(true)
  const job = { ...form, lineEnd: '\n', asDecisions: false, asGzip: false }
  const { byModel, rejects } = await routeSegment(segment, router, job)
  expect(byModel).toEqual({ a: 1, b: 1 })
  expect(rejects.map(({ line, reason }) => ({ line, reason }))).toEqual([
    {
      line: 4,
      reason:
        'no model can serve this request: a: the price cap is no number of dollars; b: the price cap is no number of dollars. Ask for less, or add a model that can to models in llmroute.yaml.',
    },
  ])
})
