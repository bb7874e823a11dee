import { expect, test } from 'vitest'
import { readCheckpoint } from '../../src/io/checkpoint.ts'
import { createResources } from '../../src/io/resources.ts'
import * as mf from '../../src/strategies/mf.ts'
import { fixedEmbedder } from '../helpers/fixed_embedder.ts'
import { readGolden } from '../helpers/golden.ts'
import { routeLlmFile, seededNumbers } from '../helpers/routellm_mf.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

interface Case {
  readonly seed: number
  readonly strong: number
  readonly weak: number
  readonly winRate: number
}

const DIMENSIONS = 1536
const folder = temporaryFolder()

test('win rates of a checkpoint in RouteLLM’s published form, as numpy computes them', async () => {
  const checkpoint = await readCheckpoint(folder.write('model.safetensors', routeLlmFile()))
  const { models } = checkpoint.metadata
  for (const { seed, strong, weak, winRate } of readGolden<Case>('mf_routellm')) {
    const numbers = Array.from(seededNumbers(DIMENSIONS, seed))
    const length = Math.hypot(...numbers)
    const vectors = new Map([['prompt', numbers.map(value => value / length)]])
    const strategy = await mf.create({
      ...createResources({ checkpoint, pair: { strong: models[strong]!, weak: models[weak]! } }),
      embedder: async () => fixedEmbedder('openai:text-embedding-3-small', DIMENSIONS, vectors),
    })
    expect(strategy.quality).toBeUndefined()
    const [found] = await strategy.winRate(['prompt'])
    expect(Math.abs(found! - winRate)).toBeLessThan(1e-6)
  }
})
