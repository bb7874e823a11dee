import { expect, test } from 'vitest'
import { plannedBody } from '../../src/server/planned_answer.ts'
import type { PlanAnswer } from '../../src/upstream/plan_types.ts'

/** The message of an answer of several, given that of the model whose answer it is. */
function messageOf(text: string, message: object): unknown {
  const usage = { inputTokens: 1, outputTokens: 1, isEstimated: false }
  const body = { id: 'a', choices: [{ index: 0, message, finish_reason: 'stop' }] }
  return plannedBody({ model: 'a', text, usage, body, calls: [] } as unknown as PlanAnswer).choices[0]!.message
}

test('an answer that is one model’s own stays as it is, its refusal too', () => {
  for (const message of [
    { role: 'assistant', content: 'x', extra: 1 },
    { role: 'assistant', content: null, refusal: 'No.' },
  ]) {
    expect(messageOf(message.content ?? '', message)).toBe(message)
  }
})

test('a text that several wrote takes the place of content, and of a refusal that it holds', () => {
  expect(messageOf('## a', { role: 'assistant', content: 'x' })).toEqual({ role: 'assistant', content: '## a' })
  const refused = { role: 'assistant', content: null, refusal: 'No.' }
  expect(messageOf('## a', refused)).toEqual({ role: 'assistant', content: '## a', refusal: null })
})
