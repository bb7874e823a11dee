import { expect, test } from 'vitest'
import { gramOf } from '../../src/math/cholesky.ts'
import { sigmoid } from '../../src/math/probability.ts'
import { createRandom } from '../../src/math/random.ts'
import { fitScoreLevels } from '../../src/math/score_levels.ts'

test('finds scale, levels and what is common again', () => {
  const random = createRandom(11)
  const [count, width, players] = [6000, 2, 2]
  const vectors = Float32Array.from({ length: count * width }, () => random() * 2 - 1)
  const strengths = Float64Array.from({ length: count * players }, () => random() - 0.5)
  const [scale, levels, common] = [2, [0.5, -0.3], [1, -2]]
  const scores = strengths.map((strength, k) => {
    const row = Math.floor(k / players)
    const ease = common[0]! * vectors[row * 2]! + common[1]! * vectors[row * 2 + 1]!
    return k % 17 === 0 ? Number.NaN : sigmoid(scale * strength + ease + levels[k % players]!)
  })
  const gram = gramOf(
    vectors,
    width,
    Int32Array.from({ length: count }, (_, row) => row),
  )
  const found = fitScoreLevels({ vectors, width, scores, players }, strengths, gram, 1e-6)
  expect(found.scale).toBeCloseTo(scale, 2)
  for (const [i, level] of levels.entries()) expect(found.levels[i]).toBeCloseTo(level, 2)
  for (const [i, weight] of common.entries()) expect(found.common[i]).toBeCloseTo(weight, 2)
})

test('without strengths and features a level is the log-odds of the mean', () => {
  const scores = Float64Array.of(1, 0, 1, 0, 1, 1, 0, 1)
  const vectors = new Float32Array(4)
  const found = fitScoreLevels({ vectors, width: 1, scores, players: 2 }, new Float64Array(8), new Float64Array(1), 1)
  expect(sigmoid(found.levels[0]!)).toBeCloseTo(0.75, 4)
  expect(sigmoid(found.levels[1]!)).toBeCloseTo(0.5, 4)
})
