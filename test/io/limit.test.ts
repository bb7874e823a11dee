import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLimit } from '../../src/io/limit.ts'

test('at most so many at a time, started in order, each answered with its own', async () => {
  const durations = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(durations, fc.integer({ min: 1, max: 4 }), async (tasks, most) => {
      const limit = createLimit(most)
      const started: number[] = []
      let running = 0
      let peak = 0
      const answers = await Promise.all(
        tasks.map((duration, i) =>
          limit(async () => {
            started.push(i)
            peak = Math.max(peak, ++running)
            await setTimeout(duration)
            running--
            return i
          }),
        ),
      )
      expect(answers).toEqual([...tasks.keys()])
      expect(started).toEqual(answers)
      expect(peak).toBe(Math.min(most, tasks.length))
    }),
    { numRuns: 30 },
  )
})

test('a task that fails frees its place', async () => {
  const limit = createLimit(1)
  await expect(limit(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await limit(async () => 1)).toBe(1)
})
