import { expect, test } from 'vitest'
import { type Edit, edited } from '../../src/io/config_edit.ts'

const KEY = { name: 'bob', sha256: 'ff' }
const keyAt = (place: number): Edit => ({ path: ['serve', 'keys', place], value: KEY })

/** Text with a place at which something is added: what stands between the bars is there afterwards, and not before. */
const ADDED: readonly (readonly [string, Edit, string])[] = [
  ['a new block', keyAt(0), 'a: { b: 1,   c: 2 }   # why\n|serve:\n  keys:\n    - name: bob\n      sha256: ff\n|'],
  [
    'a new list of a block',
    keyAt(0),
    'serve:\n  port: 1   # one\n|  keys:\n    - name: bob\n      sha256: ff\n|\n# end\nz: [1,2]\n',
  ],
  [
    'another item, as far in as the first',
    keyAt(1),
    "serve:\n    keys:\n    # alice's\n    - name:   alice\n      sha256: 'aa' # old\n|    - name: bob\n      sha256: ff\n|\n    port: 1\n",
  ],
  [
    'another item in one line',
    keyAt(1),
    "serve: { keys: [{ name: a,  sha256: 'aa' }|, { name: bob, sha256: ff }|], port: 1 }\n",
  ],
  ['a list in one line', keyAt(0), 'serve: { port: 1|, keys: [ { name: bob, sha256: ff } ]| }\n'],
  ['no line end', keyAt(0), 'a: 1|\nserve:\n  keys:\n    - name: bob\n      sha256: ff\n|'],
  ['lines of Windows', { path: ['threshold'], value: 0.5 }, 'a:  1 # x\r\n|threshold: 0.5\r\n|'],
  ['a byte-order mark', { path: ['threshold'], value: Number.POSITIVE_INFINITY }, '\ufeffa:  1\n|threshold: .inf\n|'],
  ['nothing', { path: ['threshold'], value: 0.5 }, '|threshold: 0.5\n|'],
  ['comments alone', { path: ['threshold'], value: 0.5 }, '# mine\n|threshold: 0.5\n|'],
]

test.each(ADDED)('added to %s, and taken out again', async (_, edit, marked) => {
  const [before, after] = [marked.replace(/\|[^|]*\|/s, ''), marked.replaceAll('|', '')]
  expect(await edited(before, [edit])).toBe(after)
  const back = await edited(after, [{ path: edit.path, value: undefined }])
  expect(back.trimEnd()).toBe(before.trimEnd())
})

test.each<[string, Edit, string, string]>([
  [
    'a scalar',
    { path: ['threshold'], value: 0.25 },
    'threshold:  0.5 # was\nb: {c:  1}\n',
    'threshold:  0.25 # was\nb: {c:  1}\n',
  ],
  [
    'a scalar in one line',
    { path: ['pair', 'weak'], value: 'd' },
    'pair: { strong: a,   weak: b }\n',
    'pair: { strong: a,   weak: d }\n',
  ],
  [
    'a key without a value',
    { path: ['best_value', 'lambda'], value: 3 },
    'x:  1\nbest_value: # mine\ny:  2\n',
    'x:  1\nbest_value:\n  lambda: 3 # mine\ny:  2\n',
  ],
  ['an empty map', keyAt(0), 'serve: {}\nx:  1\n', 'serve: { keys: [ { name: bob, sha256: ff } ] }\nx:  1\n'],
])('set: %s', async (_, edit, before, after) => {
  expect(await edited(before, [edit])).toBe(after)
})

test.each<[string, (string | number)[], string, string]>([
  ['the first of a list', ['k', 0], 'k:\n  - a: 1 # one\n  # two\n  - a: 2\nx:  1\n', 'k:\n  # two\n  - a: 2\nx:  1\n'],
  ['the first in one line', ['k', 0], 'k: [ a,  b,   c ]\n', 'k: [ b,   c ]\n'],
  ['the last in one line', ['k', 2], 'k: [ a,  b,   c ] # x\n', 'k: [ a,  b ] # x\n'],
  ['what is not there', ['k', 'l'], 'k: {   }\n', 'k: {   }\n'],
  ['all there is', ['k', 'l'], 'k: { l: 1 }\n', ''],
])('taken out: %s', async (_, path, before, after) => {
  expect(await edited(before, [{ path, value: undefined }])).toBe(after)
})

test('one after the other; where a place cannot be told, the text is laid out anew and says the same', async () => {
  const changes = [
    { path: ['a'], value: 2 },
    { path: ['b'], value: 'x' },
    { path: ['a'], value: undefined },
  ]
  expect(await edited('a: 1\n', changes)).toBe('b: x\n')
  const beside = 'k:\n  - a:   1\n    b:   2\n'
  expect(await edited(beside, [{ path: ['k', 0, 'a'], value: undefined }])).toBe('k:\n  - b: 2\n')
})
