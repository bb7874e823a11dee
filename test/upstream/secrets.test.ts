import { afterAll, beforeAll, expect, test } from 'vitest'
import { withoutCredentials } from '../../src/upstream/secrets.ts'

const KEY = 'sk-of-the-secrets-test'
const model = {
  id: 'm',
  endpoint: {
    baseUrl: 'http://127.0.0.1:1',
    keyVariable: 'TEST_SECRETS_KEY',
    headers: { 'x-title': 'true', 'x-org-token': 'org-0123', 'x-other-secret': 'a/b"c\\d' },
    query: { 'api-version': 'preview' },
  },
}
beforeAll(() => {
  process.env.TEST_SECRETS_KEY = KEY
})
afterAll(() => {
  delete process.env.TEST_SECRETS_KEY
})
const shown = (text: string) => Buffer.from(withoutCredentials(Buffer.from(text), model)).toString()

test('credentials that an error quotes are taken out, and no other words', () => {
  expect(shown(`{"error":"Bearer ${KEY}, ${KEY} of org-0123 ☃"}`)).toBe('{"error":"Bearer ***, *** of *** ☃"}')
  const other = '{"error":"a preview, retriable: true"}'
  expect(shown(other)).toBe(other)
})

test.each([
  [
    '{"error":"Incorrect: sk\\u002dof-the-\\u0073ecrets\\u002Dtest, \\"why\\""}',
    '{"error":"Incorrect: ***, \\"why\\""}',
  ],
  ['{"error":"a\\/b\\"c\\\\d a/b\\u0022c\\u005Cd"}', '{"error":"*** ***"}'],
  [
    JSON.stringify({ error: JSON.stringify({ message: `no\n${KEY}`, other: 'a/b"c\\d' }) }),
    '{"error":"{\\"message\\":\\"no\\\\n***\\",\\"other\\":\\"***\\"}"}',
  ],
  ['{"error":"sk\\\\u002dof-the-secrets-test"}', '{"error":"***"}'],
  [`{"error":"${'\\\\'.repeat(30_000)}"}`, `{"error":"${'\\\\'.repeat(30_000)}"}`],
])('credentials that JSON escapes are taken out, and nothing else changes', (text, expected) => {
  expect(shown(text)).toBe(expected)
})
