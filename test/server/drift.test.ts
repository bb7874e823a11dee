import { expect, test } from 'vitest'
import { createRandom } from '../../src/math/random.ts'
import { createDriftWatch } from '../../src/server/drift.ts'
import { createOnlineThreshold, createTieBreaker } from '../../src/server/online_threshold.ts'

const seeds = Array.from({ length: 20 }, (_, seed) => seed)

test('noise raises no alarm: 20 seeds of 20,000 requests at the target', () => {
  for (const seed of seeds) {
    const random = createRandom(seed)
    const watch = createDriftWatch(0.3)
    let alarms = 0
    for (let i = 0; i < 20_000; i++) {
      watch.see(random() < 0.3)
      alarms += Number(watch.state().isDrifting)
    }
    expect(alarms).toBe(0)
  }
})

test('a share ten points off is found within 1,500 requests', () => {
  for (const seed of seeds) {
    const random = createRandom(seed)
    const watch = createDriftWatch(0.3)
    for (let i = 0; i < 5000; i++) watch.see(random() < 0.3)
    for (let i = 0; i < 1500; i++) watch.see(random() < 0.4)
    expect(watch.state()).toMatchObject({ isDrifting: true, target: 0.3, window: 2000 })
  }
})

test('without a target, or before 200 requests, nothing drifts', () => {
  const watch = createDriftWatch(0.5)
  for (let i = 0; i < 199; i++) watch.see(true)
  expect(watch.state()).toMatchObject({ isDrifting: false, share: 1 })
  const aimless = createDriftWatch(undefined)
  for (let i = 0; i < 500; i++) aimless.see(true)
  expect(aimless.state()).toEqual({ window: 500, share: 1, target: null, z: null, isDrifting: false })
})

test('after a shift of win rates the true share is within 3 points of the target in 2,000 requests, in 19 of 20 seeds', () => {
  for (const target of [0.1, 0.3, 0.5]) {
    const near = seeds.filter(seed => {
      const random = createRandom(seed)
      const online = createOnlineThreshold(target, 0.5)
      for (let i = 0; i < 3000; i++) online.see(random())
      // Win rates now lie in 0.4 … 0.6: of them (0.6 − threshold) / 0.2 go to strong.
      for (let i = 0; i < 2000; i++) online.see(0.4 + 0.2 * random())
      return Math.abs((0.6 - online.point().threshold) / 0.2 - target) <= 0.03
    })
    expect(near.length).toBeGreaterThanOrEqual(19)
  }
})

test('it begins with the calibrated threshold, and its ends mean all and nothing', () => {
  expect(createOnlineThreshold(0.3, 0.57).point().threshold).toBeCloseTo(0.57)
  expect(createOnlineThreshold(0, 0.57).point().threshold).toBe(Number.POSITIVE_INFINITY)
  expect(createOnlineThreshold(1, 0.57).point().threshold).toBe(0)
})

test('without a start the first request is decided at 0.5, and the share holds from then on', () => {
  const online = createOnlineThreshold(0.3)
  expect(online.point().threshold).toBe(0.5)
  const random = createRandom(1)
  let strong = 0
  for (let i = 0; i < 200; i++) {
    const winRate = random() / 20
    if (winRate >= online.point().threshold) strong++
    online.see(winRate)
  }
  expect(strong / 200).toBeGreaterThan(0.25)
  expect(strong / 200).toBeLessThan(0.36)
})

/** Requests decided one after the other; the share of them that went to strong. */
function followed(target: number, winRates: Iterable<number>, start?: number, from = 0): number {
  const online = createOnlineThreshold(target, start)
  const breakTie = createTieBreaker()
  let count = 0
  let strong = 0
  for (const winRate of winRates) {
    const isStrong = winRate >= breakTie(winRate, online.point())
    online.see(winRate)
    if (count++ >= from) strong += Number(isStrong)
  }
  return strong / (count - from)
}

test('the share holds where all win rates are the same, from the start on', () => {
  for (const target of [0.1, 0.3, 0.5, 0.9]) {
    expect(followed(target, Array(900).fill(0.31))).toBeCloseTo(target, 2)
    const calibrated = followed(target, Array(900).fill(0.31), 0.57)
    expect(Math.abs(calibrated - target)).toBeLessThan(0.05)
    expect(Math.abs(followed(target, Array(900).fill(0.31), 0.57, 100) - target)).toBeLessThan(0.01)
  }
})

test('the share holds on a stream of a few heavy win rates among many others, and after it shifts', () => {
  for (const target of [0.1, 0.3, 0.5]) {
    const near = seeds.filter(seed => {
      const random = createRandom(seed)
      const mixed = (ties: readonly number[]) =>
        Array.from({ length: 4000 }, () =>
          random() < 0.8 ? ties[Math.floor(random() * ties.length)]! : 0.4 + 0.2 * random(),
        )
      const stream = [...mixed([0.45, 0.5, 0.55]), ...mixed([0.41, 0.42])]
      return Math.abs(followed(target, stream, 0.5, 6000) - target) <= 0.03
    })
    expect(near.length).toBeGreaterThanOrEqual(19)
  }
})

test('a tie is decided by one threshold or the next, so that a log says the same as what was done', () => {
  const breakTie = createTieBreaker()
  const thresholds = Array.from({ length: 8 }, () => breakTie(0.3, { threshold: 0.3, tiedShare: 0.25 }))
  expect(thresholds.map(threshold => 0.3 >= threshold)).toEqual([
    ...[false, false, false, true],
    ...[false, false, false, true],
  ])
  expect(thresholds.map(threshold => threshold.toFixed(12))).toEqual(Array(8).fill('0.300000000000'))
  expect(breakTie(0.31, { threshold: 0.3, tiedShare: 0 })).toBe(0.3)
})
