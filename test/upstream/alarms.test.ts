import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createAlarms } from '../../src/upstream/alarms.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('an alarm rings once, unless it was given back', () => {
  const { lend, giveBack } = createAlarms(100)
  const rung: string[] = []
  const telling = (name: string) => ({ onAlarm: () => rung.push(name) })
  lend(telling('first'))
  giveBack(lend(telling('given back')))
  vi.advanceTimersByTime(99)
  expect(rung).toEqual([])
  vi.advanceTimersByTime(1000)
  expect(rung).toEqual(['first'])
})

test('one that is lent again rings the whole time after that, for whoever has it now', () => {
  const { lend, giveBack } = createAlarms(100)
  const rung: string[] = []
  const telling = (name: string) => ({ onAlarm: () => rung.push(name) })
  const first = lend(telling('first'))
  vi.advanceTimersByTime(60)
  giveBack(first)
  expect(lend(telling('second'))).toBe(first)
  vi.advanceTimersByTime(60)
  expect(rung).toEqual([])
  vi.advanceTimersByTime(40)
  expect(rung).toEqual(['second'])
})

test('one that has rung can be lent again', () => {
  const { lend, giveBack } = createAlarms(100)
  const rung: string[] = []
  const telling = (name: string) => ({ onAlarm: () => rung.push(name) })
  const alarm = lend(telling('first'))
  vi.advanceTimersByTime(100)
  giveBack(alarm)
  lend(telling('second'))
  vi.advanceTimersByTime(100)
  expect(rung).toEqual(['first', 'second'])
})
