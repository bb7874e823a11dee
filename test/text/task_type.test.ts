import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { DataError } from '../../src/errors.ts'
import { readClassifier } from '../../src/io/embedder_table.ts'
import { taskTypeOf, taskTypes } from '../../src/text/task_type.ts'
import { textClassifier } from '../../src/text/text_classifier.ts'
import { topicOf, topics } from '../../src/text/topic.ts'

const DATA = '../shared/data'
const weights = await readClassifier('task_type')
const topicWeights = await readClassifier('topic')

test('each type by an example that is not in the training prompts', () => {
  const examples = {
    code: 'Write a Python function that rounds every float in a nested list.',
    maths: 'If 4 kg of plums cost 6 dollars, how much do 7 kg cost?',
    reasoning: 'The cup fell off the table because _ was tilted.\nA) the cup\nB) the table',
    question: 'Who discovered the structure of benzene?',
    creative: 'Write a poem about a lonely traffic light.',
    extraction: 'Summarise the following text in one sentence:\n\nThe bakery moved to a larger shop in May.',
    translation: 'Translate to Norwegian: We are closed on Sundays.',
    chat: 'hey, how are you doing today?',
  }
  expect(Object.keys(examples)).toEqual([...taskTypes])
  for (const [type, prompt] of Object.entries(examples)) expect(taskTypeOf(prompt, weights), prompt).toBe(type)
})

test('topics', () => {
  expect(topicOf('What are the symptoms of pneumonia in the elderly?', topicWeights)).toBe('health')
  expect(topicOf('Which court hears appeals against a breach of contract?', topicWeights)).toBe('law')
  expect(topicOf('How do mitochondria produce energy in a cell?', topicWeights)).toBe('science')
  expect(topicOf('How do I bake a sourdough bread with rye flour?', topicWeights)).toBe('food')
})

test('probabilities sum to 1 and agree with the best, for odd texts too', () => {
  for (const file of [weights, topicWeights]) {
    const { labels, probabilities, best } = textClassifier(file)
    expect(labels).toEqual(file === weights ? [...taskTypes] : [...topics])
    for (const text of ['', '😀', '\ud83d', 'x'.repeat(1 << 20), 'ab c?'.repeat(200_000), 'What is 2 + 2?']) {
      const found = [...probabilities(text)]
      expect(found.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9)
      expect(best(text)).toBe(found.indexOf(Math.max(...found)))
    }
  }
})

test('other weights are a DataError', async () => {
  const language = await readClassifier('language')
  expect(() => taskTypeOf('x', language)).toThrow(DataError)
  expect(() => taskTypeOf('x', language)).toThrow('expected the weights of a text classifier, got others.')
})

test.skipIf(!existsSync(DATA))('macro-F1 on sets that no weights may be trained on (needs ../shared)', () => {
  const sets = { routerbench_mbpp: 'code', routerbench_arc: 'question', routerbench_winogrande: 'reasoning' }
  const rows = Object.entries(sets).flatMap(([name, label]) => {
    const table = parse(readFileSync(`${DATA}/${name}.csv`), { columns: true }) as Record<string, string>[]
    return table.slice(0, 300).map(({ prompt = '' }) => ({ label, got: taskTypeOf(prompt, weights) as string }))
  })
  const f1s = Object.values(sets).map(label => {
    const hits = rows.filter(row => row.label === label && row.got === label).length
    const said = rows.filter(row => row.got === label).length
    return (2 * hits) / (said + rows.filter(row => row.label === label).length)
  })
  expect(f1s.reduce((sum, f1) => sum + f1, 0) / f1s.length).toBeGreaterThan(0.85)
})
