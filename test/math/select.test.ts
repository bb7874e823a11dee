import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kthLargest } from '../../src/math/select.ts'

test('is the k-th of the sorted values, ties and all', () => {
  const cases = fc
    .array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 60 })
    .chain(values => fc.record({ values: fc.constant(values), k: fc.integer({ min: 1, max: values.length }) }))
  fc.assert(
    fc.property(cases, ({ values, k }) => {
      expect(kthLargest(Float32Array.from(values), k)).toBe(values.toSorted((a, b) => b - a)[k - 1])
    }),
  )
})
