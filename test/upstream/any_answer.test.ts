import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anthropicForm } from '../../src/upstream/anthropic_form.ts'
import { AttemptFailure } from '../../src/upstream/attempt_failure.ts'
import { textOf } from '../../src/upstream/chat_form.ts'
import { openaiForm } from '../../src/upstream/openai_form.ts'
import { statusFailure } from '../../src/upstream/status_failure.ts'
import { readTokens } from '../../src/upstream/usage.ts'

const NAMES = [
  'choices',
  'message',
  'content',
  'delta',
  'index',
  'finish_reason',
  'tool_calls',
  'function',
  'arguments',
  'name',
  'error',
  'usage',
  'type',
  'text',
  'content_block',
  'partial_json',
  'code',
  'id',
  '__proto__',
  'constructor',
]
const TYPES = [
  'message_start',
  'message_delta',
  'message_stop',
  'content_block_start',
  'content_block_delta',
  'error',
  'text',
  'tool_use',
  'stop',
]

/** JSON that has the names of answers at places where they may or may not belong. */
const json = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, 0, 1, -1, 1.5, true, '', 'stop', ...TYPES),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 6 }),
  ),
})).value

/** Nothing but an answer or a failure that is told: no TypeError. */
function answers(read: () => unknown) {
  try {
    read()
  } catch (error) {
    expect(error).toBeInstanceOf(AttemptFailure)
  }
}

test.each([
  ['openai', openaiForm],
  ['anthropic', anthropicForm],
])('%s: whatever an endpoint says is an answer or a failure', (_, form) => {
  fc.assert(
    fc.property(fc.array(json, { maxLength: 5 }), json, (events, whole) => {
      answers(() => textOf(form.read(JSON.parse(JSON.stringify(whole)))))
      const reader = form.reader()
      answers(() => {
        for (const event of events) reader.take({ type: '', data: JSON.stringify(event) })
        textOf(reader.end())
      })
    }),
    { numRuns: 2000 },
  )
})

test('whatever an error says, its status is told', () => {
  fc.assert(
    fc.property(json, fc.integer({ min: 300, max: 599 }), (body, status) => {
      const failure = statusFailure(status, {}, Buffer.from(JSON.stringify(body)), '{}', 0)
      expect(failure.message).toMatch(new RegExp(`^status ${status}`))
      readTokens(body)
    }),
    { numRuns: 1000 },
  )
})
