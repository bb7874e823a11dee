import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { sensitivities } from '../src/text/sensitive.ts'
import { sentiments } from '../src/text/sentiment.ts'
import { taskTypes } from '../src/text/task_type.ts'
import { topics } from '../src/text/topic.ts'

type Message = { role: string; content: string }
type Request = { id: string; user?: string; prompt?: string; messages?: Message[] }
type Text = { id: string; text: string }

const CATEGORIES = ['chat', 'code', 'facts', 'maths', 'multilingual', 'reasoning', 'translation', 'writing']
const HEADER = ['id', 'prompt', 'category', 'score:large', 'score:small', 'cost:large', 'cost:small']
const PRICES = { large: { input: 2.5, output: 10 }, small: { input: 0.15, output: 0.6 } }

const bytes = (name: string): Buffer => readFileSync(new URL(`../datasets/${name}`, import.meta.url))
const content = (name: string): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes(name))

const table: string[][] = parse(content('sample.csv'))
const sample: Record<string, string>[] = parse(content('sample.csv'), { columns: true })
const translations: Record<string, string>[] = parse(content('translations.csv'), { columns: true })
const labelled = (name: string): Record<string, string>[] => parse(content(name), { columns: true })
const lines = content('requests.jsonl').split('\n').slice(0, -1)
const requests = lines.map(line => JSON.parse(line) as Request)

const cell = (row: Record<string, string>, column: string): string => {
  const value = row[column]
  if (value === undefined) throw new Error(`no column ${column}`)
  return value
}

const texts: Text[] = [
  ...sample.map(row => ({ id: cell(row, 'id'), text: cell(row, 'prompt') })),
  ...requests.flatMap(({ id, prompt, messages }) =>
    messages ? messages.map(message => ({ id, text: message.content })) : [{ id, text: prompt ?? '' }],
  ),
]

/** Pairs of texts with a run of `length` words in common, words being what is left after splitting at `separator`. */
const shared = (all: Text[], length: number, separator: RegExp): string[] => {
  const owner = new Map<string, number>()
  const found: string[] = []
  for (const [index, { id, text }] of all.entries()) {
    const words = text.toLowerCase().split(separator).filter(Boolean)
    for (let start = 0; start + length <= words.length; start++) {
      const run = words.slice(start, start + length).join(' ')
      const first = owner.get(run) ?? index
      if (first !== index) found.push(`${all[first]?.id} and ${id}: ${run}`)
      owner.set(run, first)
    }
  }
  return found
}

test('there are enough prompts, with ids of their own', () => {
  expect(sample.length).toBeGreaterThanOrEqual(280)
  expect(requests.length).toBeGreaterThanOrEqual(60)
  expect(sample.length + requests.length).toBeGreaterThanOrEqual(240)
  const ids = [...sample.map(row => cell(row, 'id')), ...requests.map(({ id }) => id)]
  expect(new Set(ids).size).toBe(ids.length)
})

test('files end their lines with LF and have no byte order mark', () => {
  for (const name of [
    'sample.csv',
    'requests.jsonl',
    'translations.csv',
    'task_types.csv',
    'languages.csv',
    'moods.csv',
  ]) {
    const text = bytes(name).toString('utf8')
    expect(text.endsWith('\n')).toBe(true)
    expect(text).not.toMatch(/\r|^\uFEFF/)
  }
})

test('sample.csv has its columns, and each category at least 25 prompts', () => {
  expect(table[0]).toEqual(HEADER)
  const counts = new Map<string, number>()
  for (const row of sample) {
    const category = cell(row, 'category')
    const count = (counts.get(category) ?? 0) + 1
    counts.set(category, count)
    expect(cell(row, 'id')).toBe(`${category}/${count}`)
  }
  expect([...counts.keys()].sort()).toEqual(CATEGORIES)
  expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(25)
})

test('scores lie between 0 and 1, and neither model is always the better one', () => {
  for (const row of sample) {
    for (const model of ['large', 'small']) {
      const score = cell(row, `score:${model}`)
      expect(score, cell(row, 'id')).toMatch(/^(0|1|0\.\d{1,2})$/)
    }
  }
  const gaps = sample.map(row => Number(cell(row, 'score:large')) - Number(cell(row, 'score:small')))
  for (const sign of [-1, 0, 1]) expect(gaps.some(gap => Math.sign(gap) === sign)).toBe(true)
})

test('costs are positive and follow the formula in the README', () => {
  for (const row of sample) {
    const id = cell(row, 'id')
    for (const model of ['large', 'small']) expect(cell(row, `cost:${model}`), id).toMatch(/^0\.\d{1,8}$/)
    const large = Number(cell(row, 'cost:large'))
    const small = Number(cell(row, 'cost:small'))
    expect(small, id).toBeGreaterThan(0)
    expect(large, id).toBeGreaterThan(small)

    const input = Math.ceil([...cell(row, 'prompt')].length / 4)
    const output = Math.round((large * 1e6 - input * PRICES.large.input) / PRICES.large.output)
    expect(output, id).toBeGreaterThanOrEqual(10)
    expect(output, id).toBeLessThanOrEqual(800)
    expect(large * 1e6, id).toBeCloseTo(input * PRICES.large.input + output * PRICES.large.output, 3)
    expect(small * 1e6, id).toBeCloseTo(input * PRICES.small.input + output * PRICES.small.output, 3)
  }
})

test('each request is a prompt or a conversation that ends with the user', () => {
  const conversations = requests.filter(({ messages }) => messages)
  expect(conversations.length).toBeGreaterThanOrEqual(requests.length / 4)
  expect(conversations.some(({ messages }) => messages?.[0]?.role === 'system')).toBe(true)
  expect(conversations.some(({ messages }) => messages?.some(({ role }) => role === 'assistant'))).toBe(true)
  for (const { id, prompt, messages } of requests) {
    expect((prompt === undefined) !== (messages === undefined), id).toBe(true)
    if (!messages) continue
    expect(messages.at(-1)?.role, id).toBe('user')
    for (const { role } of messages) expect(['system', 'user', 'assistant'], id).toContain(role)
  }
})

test('no two texts are equal or share six words in a row', () => {
  for (const { id, text } of texts) expect(text.trim(), id).not.toBe('')
  for (const separator of [/[^\p{L}\p{N}]+/u, /[^\p{L}\p{M}\p{N}]+/u]) {
    const whole = texts.map(({ text }) => text.toLowerCase().split(separator).filter(Boolean).join(' ') || text)
    expect(new Set(whole).size).toBe(whole.length)
    expect(shared(texts, 6, separator)).toEqual([])
  }
})

test('translations.csv holds every prompt once in each of its languages', () => {
  const languages = [...new Set(translations.map(row => cell(row, 'language')))]
  const prompts = new Set(translations.map(row => cell(row, 'english')))
  expect(languages.toSorted()).toEqual(['ar', 'de', 'es', 'fr', 'hi', 'it', 'ja', 'ko', 'pt', 'ru', 'tr', 'zh'])
  for (const language of languages) {
    const rows = translations.filter(row => row.language === language)
    expect(rows.map(row => cell(row, 'id'))).toEqual(rows.map((_, i) => `${language}/${i + 1}`))
    expect(new Set(rows.map(row => cell(row, 'english')))).toEqual(prompts)
    expect(new Set(rows.map(row => cell(row, 'translation'))).size).toBe(prompts.size)
  }
})

test('task_types.csv knows the classes, each with 40 prompts or more, none twice', () => {
  const rows = labelled('task_types.csv')
  for (const type of taskTypes) {
    const own = rows.filter(row => row.task_type === type)
    expect(own.length).toBeGreaterThanOrEqual(40)
    expect(own.map(row => row.id)).toEqual(own.map((_, i) => `${type}/${i + 1}`))
  }
  expect(rows.filter(row => !(topics as readonly string[]).includes(row.topic!))).toEqual([])
  expect(new Set(rows.map(row => row.prompt)).size).toBe(rows.length)
})

test('languages.csv holds three texts a language, moods.csv texts with known labels', () => {
  const rows = labelled('languages.csv')
  for (const language of new Set(rows.map(row => row.language))) {
    expect(rows.filter(row => row.language === language).map(row => row.id)).toEqual(
      [1, 2, 3].map(i => `${language}/${i}`),
    )
  }
  for (const row of labelled('moods.csv')) {
    expect(sentiments).toContain(row.sentiment)
    if (row.sensitive !== '') expect(sensitivities).toContain(row.sensitive)
  }
})

test('the check for shared words finds what it should', () => {
  const [a, b] = ['One two, three: four five SIX seven', 'nought one two three four five six']
  const both = [
    { id: 'a', text: a ?? '' },
    { id: 'b', text: b ?? '' },
  ]
  expect(shared(both, 6, /[^\p{L}\p{N}]+/u)).toEqual(['a and b: one two three four five six'])
  expect(shared(both, 7, /[^\p{L}\p{N}]+/u)).toEqual([])
})

test('the table in the README agrees with the files', () => {
  const rows = content('README.md')
    .split('\n')
    .filter(line => /^\| `[^`]+\.(csv|jsonl)` \|/.test(line))
    .map(line => {
      const [file, , source, licence, count, sha256] = line
        .split('|')
        .slice(1, -1)
        .map(text => text.trim().replaceAll('`', ''))
      return { file, source, licence, rows: Number(count), sha256 }
    })
  const row = (file: string, count: number) => ({
    file,
    source: 'written for this project',
    licence: 'CC0-1.0',
    rows: count,
    sha256: createHash('sha256').update(bytes(file)).digest('hex'),
  })
  expect(rows).toEqual([
    row('sample.csv', sample.length),
    row('requests.jsonl', requests.length),
    row('translations.csv', translations.length),
    ...['task_types.csv', 'languages.csv', 'moods.csv'].map(file => row(file, labelled(file).length)),
  ])
})
