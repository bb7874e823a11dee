import { expect, test } from 'vitest'
import { withMemory } from '../../src/text/token_memory.ts'
import { openTokenCounter } from '../../src/text/tokens.ts'

test('a text that was counted lately is not counted again; those last counted stay known', () => {
  const counted: string[] = []
  const count = withMemory(text => {
    counted.push(text)
    return text.length
  }, 2)
  expect(['a', 'bb', 'a', 'bb'].map(count)).toEqual([1, 2, 1, 2])
  expect(counted).toEqual(['a', 'bb'])
  // Of 'ccc' and 'bb', which begin anew, nothing of earlier is forgotten before two more come.
  expect(['ccc', 'bb', 'dddd', 'ccc'].map(count)).toEqual([3, 2, 4, 3])
  expect(counted).toEqual(['a', 'bb', 'ccc', 'dddd'])
  expect(count('a')).toBe(1)
  expect(counted.at(-1)).toBe('a')
})

test('the turns of a conversation are counted once by all who count, near texts apart', async () => {
  const [one, other] = [await openTokenCounter(), await openTokenCounter()]
  expect(other).toBe(one)
  const texts = Array.from({ length: 300 }, (_, i) => `turn ${i} says ${'word '.repeat(i)}`)
  const counts = texts.map(one)
  expect(texts.map(other)).toEqual(counts)
  expect(new Set(counts).size).toBeGreaterThan(290)
})
