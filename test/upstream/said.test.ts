import { expect, test } from 'vitest'
import { gistOf, saidOf } from '../../src/upstream/said.ts'

const calling = (...calls: [string, string][]) => ({
  text: '',
  body: {
    choices: [{ message: { tool_calls: calls.map(([name, args]) => ({ function: { name, arguments: args } })) } }],
  },
})

test('answers that call the same tool with the same arguments come to the same, whatever the order of keys', () => {
  const one = calling(['look', '{"at":"sky","with":{"b":1,"a":[2,{"d":1,"c":2}]}}'])
  const same = calling(['look', '{"with": {"a": [2, {"c":2,"d":1}], "b": 1}, "at": "sky"}'])
  expect(gistOf(one)).toBe(gistOf(same))
  expect(gistOf(one)).not.toBe(gistOf(calling(['look', '{"at":"Sky"}'])))
  expect(gistOf(one)).not.toBe(gistOf(calling(['look', '{"at":"sky","with":{"b":1,"a":[2,{"d":1,"c":3}]}}'])))
  expect(gistOf(calling(['a', '{}'], ['b', '{}']))).not.toBe(gistOf(calling(['a', '{}'])))
  expect(gistOf(calling(['look', 'no json']))).toBe('calls look(no json)')
})

test('a judge reads text and tools; texts are as before', () => {
  expect(saidOf({ ...calling(['look', '{"at":"sky"}']), text: 'Let me see.' })).toBe(
    'Let me see.\n[calls look({"at":"sky"})]',
  )
  expect(saidOf({ text: 'The answer is 4.', body: {} })).toBe('The answer is 4.')
  expect(gistOf({ text: 'The answer is 4.', body: undefined })).toBe('4')
  expect(gistOf({ text: '', body: { choices: [{ message: { function_call: { name: 'f', arguments: '' } } }] } })).toBe(
    'calls f()',
  )
})

test('arguments and names that are no text stand as JSON', () => {
  const given = (name: unknown, args: unknown) => calling([name as string, args as string])
  expect(gistOf(given('look', { b: 1, a: 2 }))).toBe('calls look({"a":2,"b":1})')
  expect(gistOf(given({ toString: 1 }, { toString: 1 }))).toBe('calls {"toString":1}({"toString":1})')
})
