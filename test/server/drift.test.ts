import { expect, test } from 'vitest'
import { createRandom } from '../../src/math/random.ts'
import { createDriftWatch } from '../../src/server/drift.ts'
import { createOnlineThreshold } from '../../src/server/online_threshold.ts'

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
      return Math.abs((0.6 - online.value()) / 0.2 - target) <= 0.03
    })
    expect(near.length).toBeGreaterThanOrEqual(19)
  }
})

test('it begins with the calibrated threshold, and its ends mean all and nothing', () => {
  expect(createOnlineThreshold(0.3, 0.57).value()).toBeCloseTo(0.57)
  expect(createOnlineThreshold(0, 0.57).value()).toBe(Number.POSITIVE_INFINITY)
  expect(createOnlineThreshold(1, 0.57).value()).toBe(0)
})

test('without a start the first request is decided at 0.5, and the share holds from then on', () => {
  const online = createOnlineThreshold(0.3)
  expect(online.value()).toBe(0.5)
  const random = createRandom(1)
  let strong = 0
  for (let i = 0; i < 200; i++) {
    const winRate = random() / 20
    if (winRate >= online.value()) strong++
    online.see(winRate)
  }
  expect(strong / 200).toBeGreaterThan(0.25)
  expect(strong / 200).toBeLessThan(0.36)
})
