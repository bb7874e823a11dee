import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { abortedEnding, goneSignal, stopAnswer, whenGone } from '../../src/server/gone.ts'

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

test('who waits is told why they wait no longer, the latest alone, and no answer begins afterwards', () => {
  const told: string[] = []
  const tell = (name: string) => (why: { error: { code: string | null } }) => told.push(`${name}: ${why.error.code}`)
  const waiting = responseOf({ destroyed: false, writableFinished: false })
  whenGone(waiting, tell('earlier'))
  whenGone(waiting, tell('later'))
  stopAnswer(waiting)
  expect(told).toEqual(['later: server_stopping'])
  expect(abortedEnding(goneSignal(waiting)).ending).toBe('stopped')
  expect(goneSignal(waiting).aborted).toBe(true)
  whenGone(waiting, tell('too late'))
  const leaving = responseOf({ destroyed: false, writableFinished: false })
  whenGone(leaving, tell('leaving'))
  leaving.emit('close')
  whenGone(responseOf({ destroyed: true }), tell('left'))
  expect(told.slice(1)).toEqual(['too late: server_stopping', 'leaving: client_gone', 'left: client_gone'])
})

test('a server that stops while nobody waits yet has the answer stopped before it begins', () => {
  const early = responseOf({ destroyed: false, writableFinished: false })
  stopAnswer(early)
  expect(abortedEnding(goneSignal(early)).ending).toBe('stopped')
  expect(goneSignal(responseOf({ destroyed: false, writableFinished: false })).aborted).toBe(false)
})
