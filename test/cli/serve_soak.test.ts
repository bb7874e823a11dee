import { expect, test } from 'vitest'
// @ts-expect-error: plain JavaScript, like all of perf/
import { measure } from '../../perf/serve_soak.js'

test('streams are not lost, and every request gets one answer or one error while a fifth of the calls fails in six ways', async () => {
  const figures: { name: string; value: number }[] = await measure({
    streaming: 2,
    failing: 5,
    streams: 200,
    pause: 40,
    rate: 100,
  })
  const value = (part: string) => figures.find(({ name }) => name.includes(part))!.value
  expect(value('streams lost')).toBe(0)
  expect(value('answered twice, not, or badly')).toBe(0)
  expect(value('answers to requests')).toBeGreaterThanOrEqual(99.9)
  expect(value('streams cut')).toBeGreaterThan(0)
})
