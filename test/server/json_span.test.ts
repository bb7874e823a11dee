import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findValues, replaceSpans, withValues } from '../../src/server/json_span.ts'

const replaced = (text: string, value: string) => {
  const bytes = Buffer.from(text)
  return Buffer.from(replaceSpans(bytes, findValues(bytes, 'model').spans, Buffer.from(value))).toString('utf8')
}

test('only the value of model changes: numbers, blanks, escapes and order stay as they came', () => {
  const text =
    '{ "seed" : 12345678901234567890,\n "model"\t: "auto" , "x":1.0e+2,"messages":[{"model":"m","content":"\\u0041 \\"model\\": 1"}]}'
  expect(replaced(text, '"gpt-4o"')).toBe(text.replace('"auto"', '"gpt-4o"'))
})

test('a key written with escapes is the same key, and so is one given twice', () => {
  expect(replaced('{"\\u006dodel":"a","model":"b"}', '"c"')).toBe('{"\\u006dodel":"c","model":"c"}')
})

test('a value of any kind is replaced whole', () => {
  expect(replaced('{"model":{"model":"a"},"n":1}', '"c"')).toBe('{"model":"c","n":1}')
  expect(replaced('{"model":[1,{"a":2}]}', '"c"')).toBe('{"model":"c"}')
  expect(replaced('{"model":null}', '"c"')).toBe('{"model":"c"}')
})

test('an object without the key stays as it is', () => {
  expect(replaced('{"models":"a","a":{"model":"b"},"b":["model"]}', '"c"')).toBe(
    '{"models":"a","a":{"model":"b"},"b":["model"]}',
  )
  expect(replaced('["model","a"]', '"c"')).toBe('["model","a"]')
})

test('of any object, the parsed value changes under the key alone', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      fc.jsonValue(),
      fc.nat(3),
      (others, model, indent) => {
        const body = { ...others, model }
        const text = JSON.stringify(body, null, indent)
        expect(JSON.parse(replaced(text, '"c"'))).toEqual(JSON.parse(JSON.stringify({ ...body, model: 'c' })))
      },
    ),
    { numRuns: 40 },
  )
})

test('whatever the bytes are, it ends', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      for (const { start, end } of findValues(bytes, 'model').spans) {
        expect(start).toBeLessThanOrEqual(end)
        expect(end).toBeLessThanOrEqual(bytes.length)
      }
    }),
  )
})

test('nesting beyond 200 is too deep', () => {
  const nested = (depth: number) => Buffer.from(`{"model":"a","x":${'['.repeat(depth)}${']'.repeat(depth)}}`)
  expect(findValues(nested(199), 'model').excess).toBeUndefined()
  expect(findValues(nested(200), 'model').excess).toBe('depth')
  expect(findValues(nested(1_000_000), 'model').excess).toBe('depth')
})

test('so are more values than half a million, whatever they are', () => {
  const many = (value: string, count: number) => Buffer.from(`{"model":"a","x":[${Array(count).fill(value).join()}]}`)
  expect(findValues(many('1', 499_000), 'model')).toEqual({ spans: [{ start: 9, end: 12 }] })
  for (const value of ['1', '""', '{}', '[[]]']) expect(findValues(many(value, 500_100), 'model').excess).toBe('values')
})

describe('withValues', () => {
  const set = (json: string, values: object) =>
    Buffer.from(withValues(Buffer.from(json), { ...values })).toString('utf8')

  test('replaces where the key stands, however it is written, each time', () => {
    expect(set('{ "a" : 1,"\\u0062":[2], "a":{"b":3}, "c":10000000000000000001 }', { a: null, b: 'x' })).toBe(
      '{ "a" : null,"\\u0062":"x", "a":null, "c":10000000000000000001 }',
    )
  })

  test('adds in front what is not there', () => {
    expect(set(' {"seed":12345678901234567890}', { temperature: 0.7 })).toBe(
      ' {"temperature":0.7,"seed":12345678901234567890}',
    )
    expect(set('{ }', { a: 1 })).toBe('{"a":1 }')
    expect(set('{"deep":{"a":1}}', { a: 2 })).toBe('{"a":2,"deep":{"a":1}}')
  })
})
