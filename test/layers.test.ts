import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

/** A folder imports itself and what stands to its left. */
const ORDER = [
  'kernel',
  'math',
  'text',
  'embedders',
  'strategies',
  'policies',
  'routing',
  'evaluation',
  'io',
  'upstream',
  'server',
  'cli',
]
const PURE = ['math', 'routing', 'evaluation']
const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(path => /\.tsx?$/.test(path))

test.each(files.filter(file => file !== 'index.ts'))('%s imports to its left only', file => {
  for (const target of importsOf(file).filter(name => name.startsWith('.'))) {
    const imported = relative('src', resolve(dirname(join('src', file)), target))
    expect(ORDER.indexOf(folderOf(imported)), `imports ${imported}`).toBeLessThanOrEqual(ORDER.indexOf(folderOf(file)))
  }
})

test('every folder has its place in the order', () => {
  for (const file of files) expect(ORDER).toContain(folderOf(file))
})

test('math, routing and evaluation import no node: module and no package', () => {
  for (const file of files.filter(path => PURE.includes(folderOf(path)))) {
    expect(importsOf(file).filter(name => !name.startsWith('.'))).toEqual([])
  }
})

test('each package is imported in exactly one file; ink and react in one folder', () => {
  const importers = new Map<string, Set<string>>()
  for (const file of files) {
    for (const name of importsOf(file).filter(target => !target.startsWith('.') && !target.startsWith('node:'))) {
      const isType = new RegExp(`import type [^'\\n]*'${name}'`).test(readFileSync(join('src', file), 'utf8'))
      if (isType) continue
      const unit = ['ink', 'react'].includes(name) ? dirname(file) : file
      importers.set(name, (importers.get(name) ?? new Set()).add(unit))
    }
  }
  for (const [name, where] of importers) expect([...where], name).toHaveLength(1)
  expect(importers.get('onnxruntime-node')).toEqual(new Set(['io/onnxruntime.ts']))
  expect(importers.get('@xenova/transformers')).toEqual(new Set(['io/transformers.ts']))
})

test('what users may not have installed is imported on demand only', () => {
  for (const name of ['onnxruntime-node', '@xenova/transformers']) {
    const statically = new RegExp(`^(?:import|export)(?! type)[^'\n]*from '${name}'`, 'm')
    expect(files.filter(file => statically.test(code(file)))).toEqual([])
  }
})

test('no file holds more than 250 lines, and the median stays near 80', () => {
  const lengths = files
    .map(file => readFileSync(join('src', file), 'utf8').split('\n').length - 1)
    .sort((a, b) => a - b)
  expect(lengths.at(-1)).toBeLessThanOrEqual(250)
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(110)
})

test('nothing outside cli prints or sets an exit code', () => {
  for (const file of files.filter(path => folderOf(path) !== 'cli')) {
    expect(readFileSync(join('src', file), 'utf8'), file).not.toMatch(/console\.|process\.(stdout|stderr|exit)/)
  }
})

test('the comparison of win rate and threshold is written once', () => {
  const found = files.filter(file =>
    /winRates?(\[[^\]]*\])?!? *>=? *threshold|threshold *<=? *winRate/.test(code(file)),
  )
  expect(found).toEqual(['policies/threshold.ts'])
})

test('no default exports, no barrels, no unfinished business', () => {
  for (const file of files) {
    expect(code(file), file).not.toMatch(/export default|TODO|FIXME|@ts-ignore/)
    if (file !== 'index.ts') expect(code(file), file).not.toMatch(/export \* from/)
  }
})

function folderOf(path: string): string {
  return path.includes('/') ? path.split('/')[0]! : 'kernel'
}

function importsOf(file: string): string[] {
  const text = code(file)
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(match => match[1]!)
}

/** Source without comments. */
function code(file: string): string {
  return readFileSync(join('src', file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}
