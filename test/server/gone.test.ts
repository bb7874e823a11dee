import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { abortedEnding, goneSignal, stopAnswer } from '../../src/server/gone.ts'

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

test('who went and who was stopped are told apart, and a signal that was stopped is not lent again', () => {
  const gone = responseOf({ destroyed: true, writableFinished: false })
  expect(abortedEnding(goneSignal(gone))).toMatchObject({ ending: 'abandoned', error: { status: 499 } })
  const stopped = responseOf({ destroyed: false, writableFinished: true })
  const signal = goneSignal(stopped)
  stopAnswer(stopped)
  expect(abortedEnding(signal)).toMatchObject({ ending: 'stopped', error: { status: 503, code: 'server_stopping' } })
  stopped.emit('close')
  expect(goneSignal(responseOf({ destroyed: false, writableFinished: false })).aborted).toBe(false)
  stopAnswer(responseOf({}))
})
