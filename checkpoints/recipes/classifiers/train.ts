// Trains checkpoints/classifiers/task_type.safetensors and topic.safetensors, and measures them. By way of make.sh:
//   train DATA [--measure]     DATA: the folder of the outcome files; --measure trains without the sets it measures on
import { readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { encodeSafetensors } from '../../../src/io/safetensors.ts'
import { taskTypes } from '../../../src/text/task_type.ts'
import { textClassifier } from '../../../src/text/text_classifier.ts'
import { topics } from '../../../src/text/topic.ts'
import type { TensorFile } from '../../../src/types.ts'
import { fitClassifier } from './fit.ts'
import { isHeldOut, readSets, type Labelled } from './sets.ts'
import { framed, madeUpPrompts } from './templates.ts'

const MADE_UP = 900
/** How much a prompt that was made up, or written by hand, counts against one of a set. */
const HAND_WEIGHT = 3

const [data = '', flag] = process.argv.slice(2)
const isMeasuring = flag === '--measure'
const written = parse(readFileSync('datasets/task_types.csv'), { columns: true }) as Record<string, string>[]
const sets = readSets(data)

for (const [id, labels] of [
  ['task_type', taskTypes],
  ['topic', topics],
] as const) {
  const own: Labelled[] = [
    ...written.map(row => ({ prompt: row.prompt!, label: row[id]!, set: 'task_types.csv', weight: HAND_WEIGHT })),
    ...madeUpPrompts(MADE_UP, 7).map(({ prompt, taskType, topic }) => ({
      prompt,
      label: id === 'topic' ? topic : taskType,
      set: 'made up',
      weight: 1,
    })),
  ].filter(({ label }) => label !== '')
  const all = sets[id]
  const train = [...own, ...all.filter(({ set }) => !isHeldOut(set, isMeasuring))]
  // A frame tells of a task, but of no topic.
  const weights = fitClassifier(id === 'topic' ? framed(train, 5) : train, labels, id)
  if (!isMeasuring) {
    const file = `checkpoints/classifiers/${id}.safetensors`
    const bytes = encodeSafetensors(weights)
    writeFileSync(file, bytes)
    console.log(`${file}: ${train.length} prompts, ${bytes.length} bytes`)
  }
  const held = all.filter(({ set }) => isHeldOut(set, isMeasuring))
  measure(
    held.filter(({ set }) => set !== 'sample.csv'),
    weights,
    id,
  )
  const others = held.filter(({ set }) => set === 'sample.csv')
  if (others.length > 0) measure(others, weights, `${id}, sample.csv`)
}

function measure(rows: readonly Labelled[], weights: TensorFile, id: string): void {
  const { labels, best } = textClassifier(weights)
  const results = rows.map(row => ({ ...row, got: labels[best(row.prompt)]! }))
  for (const set of new Set(rows.map(row => row.set))) {
    for (const label of new Set(results.filter(row => row.set === set).map(row => row.label))) {
      const own = results.filter(row => row.set === set && row.label === label)
      const counts = new Map<string, number>()
      for (const { got } of own) counts.set(got, (counts.get(got) ?? 0) + 1)
      const shown = [...counts].sort((a, b) => b[1] - a[1]).map(([got, n]) => `${got} ${n}`)
      console.log(`  ${set.padEnd(28)} ${label.padEnd(12)} ${String(own.length).padStart(5)}  ${shown.slice(0, 6).join(', ')}`)
    }
  }
  const f1s = [...new Set(rows.map(row => row.label))].map(label => {
    const hit = results.filter(row => row.label === label && row.got === label).length
    const said = results.filter(row => row.got === label).length
    const f1 = (2 * hit) / (said + results.filter(row => row.label === label).length)
    return { label, f1 }
  })
  for (const { label, f1 } of f1s) console.log(`  F1 ${label.padEnd(12)} ${f1.toFixed(3)}`)
  const accuracy = results.filter(row => row.label === row.got).length / results.length
  const macro = f1s.reduce((sum, { f1 }) => sum + f1, 0) / f1s.length
  console.log(`${id}: ${rows.length} held-out prompts, macro-F1 ${macro.toFixed(3)}, accuracy ${accuracy.toFixed(3)}`)
}

