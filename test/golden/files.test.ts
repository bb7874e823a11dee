import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'

const files = readdirSync(new URL('.', import.meta.url))

test('every golden file has its test', () => {
  const goldens = files.filter(file => file.endsWith('.json')).map(file => file.replace('.json', ''))
  expect(goldens.length).toBeGreaterThan(0)
  for (const golden of goldens) expect(files).toContain(`${golden}.test.ts`)
})
