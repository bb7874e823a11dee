import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { eld } from 'eld/extrasmall'
import { expect, test } from 'vitest'
import { DataError } from '../../src/errors.ts'
import { readClassifier } from '../../src/io/embedder_table.ts'
import { createLanguageDetector, detectLanguage, languagesOf } from '../../src/text/language.ts'

const weights = await readClassifier('language')
const detect = createLanguageDetector(weights)
const rowsOf = (name: string) =>
  parse(readFileSync(`datasets/${name}.csv`), { columns: true }) as Readonly<Record<string, string>>[]
const languages = rowsOf('languages').map(({ language, text }) => ({ language: language!, text: text! }))
const translations = rowsOf('translations').map(row => ({ language: row.language!, text: row.translation! }))

test('58 languages, three prompts each, and 12 with twenty each', () => {
  expect(new Set(languages.map(({ language }) => language)).size).toBe(58)
  const wrong = [...languages, ...translations].filter(({ language, text }) => detect(text) !== language)
  expect(wrong.map(({ language, text }) => `${language} as ${detect(text)}`)).toEqual(['sk as cs', 'hi as mr'])
})

test('what eld finds, where it knows the language', () => {
  const own = ['id', 'ms', 'mk', 'kk', 'km']
  const shared = languages.filter(({ language }) => !own.includes(language))
  for (const { text } of [...shared, ...translations]) expect(detect(text), text).toBe(eld.detect(text).language)
})

test('code, numbers and nothing have no language', () => {
  for (const text of [
    '',
    ' \n',
    '12345',
    '2+2=?',
    '😀',
    'def f(x):\n  return x+1',
    'SELECT * FROM users WHERE id = 3;',
    'for (int i = 0; i < n; i++) sum += a[i];',
    '```js\nconst x = 1\n```',
    '{"a": 1, "b": [2, 3]}',
    'import numpy as np\nx = np.zeros(3)\nprint(x)',
  ])
    expect(detect(text), text).toBe('und')
})

test('code does not hide what language it is asked about in', () => {
  expect(detect('Was macht diese Funktion?\n\ndef f(x):\n    return x + 1\n')).toBe('de')
  expect(detect('¿Por qué falla este código?\n```\nconst a = b;\nif (a) { return null; }\n```')).toBe('es')
})

test('short greetings', () => {
  expect(['Hi', 'Hello!', 'Hola', 'Bonjour', 'Danke', '谢谢', '안녕'].map(text => detect(text))).toEqual([
    'en',
    'en',
    'es',
    'fr',
    'de',
    'zh',
    'ko',
  ])
})

test('a long text is told from its beginning, in no time', () => {
  const start = performance.now()
  expect(detect('Das ist ein langer Text. '.repeat(100_000))).toBe('de')
  expect(detect('x'.repeat(2_000_000))).toBe('und')
  expect(performance.now() - start).toBeLessThan(1000)
})

test('67 languages have a name, und is none of them', () => {
  const known = languagesOf(weights)
  expect(known).toHaveLength(67)
  expect(known).toEqual(expect.arrayContaining([...new Set(languages.map(({ language }) => language))]))
  expect(known).not.toContain('und')
})

test('other weights are a DataError', async () => {
  const other = await readClassifier('topic')
  expect(() => detectLanguage('x', other)).toThrow(DataError)
  expect(() => detectLanguage('x', other)).toThrow('expected the weights of a language detector, got others.')
})
