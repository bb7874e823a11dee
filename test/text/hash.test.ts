import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hash32, hashTwice } from '../../src/text/hash.ts'

test('two hashes in one pass are those of two passes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer(), fc.integer(), (text, seed, other) => {
      expect(hashTwice(text, seed, other)).toEqual([hash32(text, seed), hash32(text, other)])
    }),
  )
})
