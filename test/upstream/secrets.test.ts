import { afterAll, beforeAll, expect, test } from 'vitest'
import { withoutCredentials } from '../../src/upstream/secrets.ts'

const KEY = 'sk-of-the-secrets-test'
const model = {
  id: 'm',
  endpoint: {
    baseUrl: 'http://127.0.0.1:1',
    keyVariable: 'TEST_SECRETS_KEY',
    headers: { 'x-title': 'true', 'x-org-token': 'org-0123' },
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
