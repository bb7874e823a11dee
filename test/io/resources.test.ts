import { afterAll, beforeAll, expect, test } from 'vitest'
import { createResources } from '../../src/io/resources.ts'
import * as mf from '../../src/strategies/mf.ts'
import { type EmbeddingsServer, startEmbeddingsServer } from '../helpers/embeddings_server.ts'
import { syntheticOutcomes } from '../helpers/outcomes.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const names = ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'LLMROUTE_CACHE'] as const
const before = names.map(name => process.env[name])
let server: EmbeddingsServer

beforeAll(async () => {
  server = await startEmbeddingsServer(12)
  Object.assign(process.env, { OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'sk-test', LLMROUTE_CACHE: folder.path })
})
afterAll(async () => {
  for (const [i, name] of names.entries()) {
    if (before[i] === undefined) delete process.env[name]
    else process.env[name] = before[i]
  }
  await server.close()
})

test('weights fitted on an endpoint’s embeddings find that endpoint’s model again, and no other embedder', async () => {
  const rows = syntheticOutcomes({ rows: 60 })
  const checkpoint = await mf.fit(rows, createResources({ embedder: 'openai:some-model' }))
  expect(checkpoint.metadata.embedder).toEqual({ id: 'openai:some-model', dimensions: 12 })
  expect(server.requests.every(({ key }) => key === 'Bearer sk-test')).toBe(true)

  server.requests.length = 0
  const strategy = await mf.create(createResources({ checkpoint }))
  const winRates = await strategy.winRate([rows.prompts[0]!, 'a new one'])
  expect(winRates.every(winRate => winRate > 0 && winRate < 1)).toBe(true)
  expect(server.requests.map(({ body }) => body)).toEqual([{ model: 'some-model', input: ['a new one'] }])

  await expect(mf.create(createResources({ checkpoint, embedder: 'hashing' }))).rejects.toThrow(
    /hashing \(12 dimensions\), got one fitted on openai:some-model \(12 dimensions\)/,
  )
})
