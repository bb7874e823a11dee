import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashPrompts, saysWhatItSaw, seenBy, unseenRows } from '../../src/evaluation/contamination.ts'
import type { Checkpoint } from '../../src/types.ts'

test('exactly the rows whose prompt is in one of the training sets are seen', () => {
  const words = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { maxLength: 8 })
  fc.assert(
    fc.property(words, words, words, (tested, first, second) => {
      const seen = [first, second].map(prompts => hashPrompts(prompts).sort())
      const fresh = unseenRows(hashPrompts(tested), seen)
      const known = [...first, ...second]
      expect([...fresh]).toEqual([...tested.keys()].filter(row => !known.includes(tested[row]!)))
    }),
  )
})

test('white space and case make no other prompt', () => {
  const seen = [hashPrompts(['What  is\nthis?'])]
  expect([...unseenRows(hashPrompts([' what is this? ', 'what is that?']), seen)]).toEqual([1])
})

test('a checkpoint says what it has seen, or nothing', () => {
  const metadata = {} as Checkpoint['metadata']
  const data = hashPrompts(['a'])
  expect(seenBy({ metadata, tensors: { seen: { shape: [1], data } } })).toBe(data)
  expect(seenBy({ metadata, tensors: {} })).toHaveLength(0)
  expect(saysWhatItSaw({ metadata, tensors: { seen: { shape: [1], data } } })).toBe(true)
  expect(saysWhatItSaw({ metadata, tensors: {} })).toBe(false)
})
