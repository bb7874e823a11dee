import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { readCheckpoint, type StoredCheckpoint, writeCheckpoint } from '../../src/io/checkpoint.ts'
import { createEvalThreads } from '../../src/io/eval_threads.ts'
import { readOutcomes } from '../../src/io/outcomes.ts'
import * as linear from '../../src/strategies/linear.ts'
import type { Outcomes, Resources, Strategy } from '../../src/types.ts'
import { binary } from '../helpers/run_cli.ts'
import { signalCsv } from '../helpers/signal_csv.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const program = pathToFileURL(join(binary, '../../dist/eval_worker.js'))
const file = join(folder.path, 'linear.safetensors')
let outcomes: Outcomes
let checkpoint: StoredCheckpoint
let strategy: Strategy

beforeAll(async () => {
  ;({ outcomes } = await readOutcomes([folder.write('data.csv', signalCsv(600))]))
  await writeCheckpoint(file, await linear.fit(outcomes, { seed: 0 } as Resources))
  checkpoint = await readCheckpoint(file)
  strategy = await linear.create({ seed: 0, checkpoint: async () => checkpoint } as unknown as Resources)
})

describe('a thread', () => {
  test('fits and scores as this one does', async () => {
    const threads = createEvalThreads(program)
    const prompts = outcomes.prompts.slice(0, 50)
    const rates = await threads.fitAndScore('linear', linear, { seed: 0 })(outcomes, prompts)
    expect([...rates]).toEqual([...(await strategy.winRate(prompts))])
    const scored = await threads.scored(strategy, checkpoint, { seed: 0 }).winRate(outcomes.prompts)
    expect([...scored]).toEqual([...(await strategy.winRate(outcomes.prompts))])
  })

  test('passes on whose move it is when something fails', async () => {
    const gone = { ...checkpoint, file: join(folder.path, 'gone.safetensors') }
    const scored = createEvalThreads(program).scored(strategy, gone, { seed: 0 }).winRate(outcomes.prompts)
    await expect(scored).rejects.toThrow(UsageError)
    await expect(scored).rejects.toThrow('gone.safetensors: expected a checkpoint file')
  })

  test('that is closed gives no answer, and starts no more work', async () => {
    const threads = createEvalThreads(program)
    const { winRate } = threads.scored(strategy, checkpoint, { seed: 0 })
    const answers = [winRate(outcomes.prompts), winRate(outcomes.prompts), winRate(outcomes.prompts)]
    const settled = Promise.allSettled(answers)
    await threads.close()
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  })
})

describe('this thread', () => {
  /** Notes how many calls overlap. */
  function counting() {
    const seen = { running: 0, peak: 0 }
    const counted: Strategy = {
      async winRate(prompts) {
        seen.peak = Math.max(seen.peak, ++seen.running)
        await new Promise(resolve => setImmediate(resolve))
        seen.running--
        return new Float64Array(prompts.length)
      },
    }
    return { seen, counted }
  }

  test.each([
    ['few rows', program, 10, undefined],
    ['an embedder behind an endpoint', program, 600, { id: 'openai:some-model', dimensions: 4 }],
    ['no built worker', undefined, 600, undefined],
  ])('%s: one after the other', async (_, worker, rows, embedder) => {
    const { seen, counted } = counting()
    const metadata = { ...checkpoint.metadata, ...(embedder ? { embedder } : {}) }
    const { winRate } = createEvalThreads(worker).scored(counted, { ...checkpoint, metadata }, { seed: 0 })
    const prompts = outcomes.prompts.slice(0, rows)
    await Promise.all([winRate(prompts), winRate(prompts), winRate(prompts)])
    expect(seen).toEqual({ running: 0, peak: 1 })
  })
})
