import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { crossValidatedWinRates, drawSplit, foldsOf, splitsOf } from '../../src/evaluation/cross_validation.ts'
import { normalizePrompt } from '../../src/text/hash.ts'
import type { Outcomes, Resources, StrategyModule } from '../../src/types.ts'
import { pairOutcomes } from '../helpers/pair_outcomes.ts'

/** Rows of which many repeat a prompt, in another spelling. */
const outcomes = fc
  .array(fc.record({ prompt: fc.integer({ min: 0, max: 40 }), category: fc.integer({ min: 0, max: 12 }) }), {
    minLength: 1,
    maxLength: 80,
  })
  .map(rows =>
    pairOutcomes(
      rows.map(({ prompt, category }, i) => ({
        prompt: i % 2 ? `Prompt  ${prompt}` : `prompt ${prompt} `,
        category: `c${category}`,
        strong: 1,
        weak: 0,
      })),
    ),
  )

const promptsOf = (rows: Outcomes) => new Set(rows.prompts.map(normalizePrompt))
const seeds = fc.nat(1000)

describe('foldsOf', () => {
  test('repeats share a fold, and folds differ in size by no more than the largest group', () => {
    fc.assert(
      fc.property(outcomes, seeds, (rows, seed) => {
        const k = 3
        fc.pre(promptsOf(rows).size >= k)
        const folds = foldsOf(rows, k, seed)
        const foldOf = new Map<string, number>()
        const repeats = new Map<string, number>()
        for (const [row, prompt] of rows.prompts.map(normalizePrompt).entries()) {
          expect(foldOf.get(prompt) ?? folds[row]).toBe(folds[row])
          foldOf.set(prompt, folds[row]!)
          repeats.set(prompt, (repeats.get(prompt) ?? 0) + 1)
        }
        const sizes = [0, 1, 2].map(fold => folds.filter(found => found === fold).length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(Math.max(...repeats.values()))
        expect(foldsOf(rows, k, seed)).toEqual(folds)
      }),
    )
  })

  test('by category, no category and no prompt is in two folds', () => {
    fc.assert(
      fc.property(outcomes, seeds, (rows, seed) => {
        let folds: Int32Array
        try {
          folds = foldsOf(rows, 2, seed, 'category')
        } catch (error) {
          expect((error as Error).message).toContain('expected at least 2 separate groups by category, got 1.')
          return
        }
        for (const keys of [rows.categories, rows.prompts.map(normalizePrompt)]) {
          const foldOf = new Map(keys.map((key, row) => [key, folds[row]]))
          expect(keys.map(key => foldOf.get(key))).toEqual([...folds])
        }
      }),
    )
  })

  test('another seed gives other folds', () => {
    const rows = pairOutcomes(Array.from({ length: 50 }, (_, i) => ({ prompt: `p${i}`, strong: 1, weak: 0 })))
    expect(foldsOf(rows, 5, 1)).not.toEqual(foldsOf(rows, 5, 2))
  })

  test('too few prompts', () => {
    const rows = pairOutcomes([
      { prompt: 'a', strong: 1, weak: 0 },
      { prompt: 'A ', strong: 1, weak: 0 },
    ])
    expect(() => foldsOf(rows, 2, 0)).toThrow(
      new UsageError('folds (--cv or --folds): expected at least 2 different prompts, got 1. Ask for fewer folds.'),
    )
    expect(() => foldsOf(rows, 1, 0)).toThrow('folds (--cv or --folds): expected 2 or more, got 1.')
  })
})

describe('splits', () => {
  test('every row is tested once and never learned from in the same split', () => {
    fc.assert(
      fc.property(outcomes, seeds, (rows, seed) => {
        fc.pre(promptsOf(rows).size >= 4)
        const splits = splitsOf(rows, 4, seed)
        expect(splits.flatMap(({ test: tested }) => [...tested]).sort((a, b) => a - b)).toEqual([
          ...rows.prompts.keys(),
        ])
        for (const { train, test: tested } of splits) {
          expect(new Set([...train, ...tested]).size).toBe(rows.prompts.length)
        }
      }),
    )
  })

  test('a draw has exactly the size asked for, and shares no prompt with what it is tested on', () => {
    fc.assert(
      fc.property(outcomes, seeds, fc.integer({ min: 1, max: 60 }), (rows, seed, size) => {
        if (size >= rows.prompts.length) {
          expect(() => drawSplit(rows, size, seed)).toThrow(
            '--train-size: expected rows of other prompts left to test on, got none: the file has ',
          )
          return
        }
        let split: ReturnType<typeof drawSplit>
        try {
          split = drawSplit(rows, size, seed)
        } catch {
          return
        }
        const learned = new Set(Array.from(split.train, row => normalizePrompt(rows.prompts[row]!)))
        expect(split.train.length).toBe(size)
        expect(Array.from(split.test, row => learned.has(normalizePrompt(rows.prompts[row]!)))).not.toContain(true)
      }),
    )
  })
})

describe('crossValidatedWinRates', () => {
  /** Learns the prompts by heart: 1 for those it has seen, 0 for others. */
  const memory: StrategyModule = {
    fit: async ({ prompts }) => ({
      metadata: {
        strategy: 'memory',
        models: [],
        pair: { strong: 'strong', weak: 'weak' },
        featureVersion: 1,
        trainedOn: [],
        date: '',
        seed: 0,
        options: { prompts: prompts.map(normalizePrompt) },
      },
      tensors: {},
    }),
    async create(resources) {
      const { metadata } = await resources.checkpoint()
      const known = new Set(metadata.options.prompts as readonly string[])
      return { winRate: async prompts => Float64Array.from(prompts, text => Number(known.has(normalizePrompt(text)))) }
    },
  }
  const resources: Resources = {
    seed: 0,
    embedder: () => Promise.reject(new Error('no embedder')),
    checkpoint: () => Promise.reject(new Error('no checkpoint')),
  }

  test('no row is scored by weights that have seen its prompt', async () => {
    await fc.assert(
      fc.asyncProperty(outcomes, seeds, async (rows, seed) => {
        fc.pre(promptsOf(rows).size >= 3)
        const done: number[] = []
        const onProgress = (fold: number, total: number) => done.push(fold / total)
        const rates = await crossValidatedWinRates(memory, rows, resources, { folds: 3, seed, onProgress })
        expect([...rates]).toEqual(rows.prompts.map(() => 0))
        expect(done).toEqual([1 / 3, 2 / 3, 1])
      }),
    )
  })

  test('weights that give NaN: the strategy and the id of the row', async () => {
    const rows = pairOutcomes(['a', 'b', 'c', 'd'].map(prompt => ({ prompt, strong: 1, weak: 0 })))
    const module: StrategyModule = {
      ...memory,
      create: async () => ({ winRate: async prompts => Float64Array.from(prompts, text => (text === 'c' ? NaN : 1)) }),
    }
    const trained = crossValidatedWinRates(module, rows, resources, { folds: 2, seed: 0 })
    await expect(trained).rejects.toThrow(
      new UsageError(
        'memory: expected a win rate for every row, got NaN for row 3. Where it is trained here, give it more rows with scores of both models.',
      ),
    )
  })

  test('a strategy without fit just scores', async () => {
    const rows = pairOutcomes(['a', 'bb', 'ccc'].map(prompt => ({ prompt, strong: 1, weak: 0 })))
    const module: StrategyModule = {
      create: async () => ({ winRate: async prompts => Float64Array.from(prompts, text => text.length / 10) }),
    }
    const rates = await crossValidatedWinRates(module, rows, resources, { folds: 3, seed: 1 })
    expect([...rates]).toEqual([0.1, 0.2, 0.3])
  })
})
