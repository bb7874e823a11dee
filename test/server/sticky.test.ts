import { expect, test } from 'vitest'
import { createStickyModels } from '../../src/server/sticky.ts'

const keys = (count: number) => Array.from({ length: count }, (_, i) => `conversation ${i}`)

test('a conversation keeps its model, until it is given another', () => {
  const sticky = createStickyModels(4)
  expect(sticky.modelOf('a')).toBeUndefined()
  sticky.keep('a', 'big')
  sticky.keep('b', 'small')
  expect([sticky.modelOf('a'), sticky.modelOf('b'), sticky.modelOf('c')]).toEqual(['big', 'small', undefined])
  sticky.keep('a', 'small')
  expect(sticky.modelOf('a')).toBe('small')
})

test('where there is no place, the one that was not asked about for longest is forgotten', () => {
  const sticky = createStickyModels(1)
  const nine = keys(9)
  for (const key of nine.slice(0, 8)) sticky.keep(key, 'big')
  sticky.modelOf(nine[0]!)
  sticky.keep(nine[8]!, 'big')
  expect(nine.filter(key => sticky.modelOf(key) === undefined)).toEqual([nine[1]])
})

test('one that learns all of another gives the same models, also where it knew others', () => {
  const [first, second] = [createStickyModels(), createStickyModels()]
  const all = keys(1000)
  for (const [i, key] of all.entries()) first.keep(key, `model ${i % 3}`)
  second.keep(all[0]!, 'model 1')
  second.keep('its own', 'model 4')
  for (const kept of first.all()) second.learn(kept)
  expect(all.map(second.modelOf)).toEqual(all.map(first.modelOf))
  expect(second.modelOf('its own')).toBe('model 4')
})

test('the latest 100,000 conversations are remembered, but for a few in a thousand, each with its own model', () => {
  const sticky = createStickyModels()
  const all = keys(150_000)
  for (const [i, key] of all.entries()) sticky.keep(key, `model ${i % 7}`)
  const latest = all.slice(50_000)
  const right = latest.filter((key, i) => sticky.modelOf(key) === `model ${(i + 50_000) % 7}`).length
  const lost = latest.filter(key => sticky.modelOf(key) === undefined).length
  expect(right + lost).toBe(latest.length)
  expect(lost).toBeLessThan(300)
})
