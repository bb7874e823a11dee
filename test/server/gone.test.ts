import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { goneSignal } from '../../src/server/gone.ts'

const responseOf = (fields: object) => Object.assign(new EventEmitter(), fields) as unknown as ServerResponse

test('aborted when the client goes away, also where it went before anybody asked', () => {
  const early = responseOf({ destroyed: true, writableFinished: false })
  expect(goneSignal(early).aborted).toBe(true)
  const late = responseOf({ destroyed: false, writableFinished: false })
  const signal = goneSignal(late)
  expect(signal.aborted).toBe(false)
  late.emit('close')
  expect(signal.aborted).toBe(true)
})

test('a signal is lent again only where nobody went', () => {
  const whole = responseOf({ destroyed: false, writableFinished: true })
  const signal = goneSignal(whole)
  whole.emit('close')
  const next = responseOf({ destroyed: false, writableFinished: false })
  expect(goneSignal(next)).toBe(signal)
  next.emit('close')
  expect(goneSignal(responseOf({ destroyed: false, writableFinished: false })).aborted).toBe(false)
})
