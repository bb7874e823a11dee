import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWholeEvents } from '../../src/server/whole_events.ts'

const text = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString('utf8') : '')

test.each(['\n', '\r\n', '\r'])(
  'however a stream is cut, nothing is lost, and what is out ends with an event (%j)',
  end => {
    const events = ['data: grüß 😀', ': wait', `event: x${end}data: {"a":1}`, 'data: [DONE]'].map(
      lines => `${lines}${end}${end}`,
    )
    const bytes = Buffer.from(events.join(''))
    const ends = events.map((_, i) => Buffer.byteLength(events.slice(0, i + 1).join('')))
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), cuts => {
        const whole = createWholeEvents()
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        const out: Uint8Array[] = []
        for (let i = 1; i < places.length; i++) {
          out.push(whole.take(bytes.subarray(places[i - 1], places[i])) ?? new Uint8Array())
          const most = Math.max(0, ...ends.filter(end => end <= places[i]!))
          expect(Buffer.concat(out).toString('utf8')).toBe(bytes.toString('utf8', 0, most))
        }
        expect([whole.rest(), whole.isWithin()]).toEqual([undefined, false])
      }),
    )
  },
)

test('a chunk that ends with an event is not copied', () => {
  const whole = createWholeEvents()
  const chunk = Buffer.from('data: 1\n\n')
  expect(whole.take(chunk)).toBe(chunk)
})

test('what is held at the end of a stream is given once', () => {
  const whole = createWholeEvents()
  expect(text(whole.take(Buffer.from('data: 1\n\ndata: [DO')))).toBe('data: 1\n\n')
  expect(whole.take(Buffer.from('NE]\n'))).toBe(undefined)
  expect([text(whole.rest()), whole.rest()]).toEqual(['data: [DONE]\n', undefined])
})

test('of an event no more is held than the bound; what follows it is held again', () => {
  const whole = createWholeEvents(10)
  expect(whole.take(Buffer.from('data: 123'))).toBe(undefined)
  expect([text(whole.take(Buffer.from('45'))), whole.isWithin()]).toEqual(['data: 12345', true])
  expect([text(whole.take(Buffer.from('67'))), whole.isWithin()]).toEqual(['67', true])
  expect([text(whole.take(Buffer.from('8\n\ndata'))), whole.isWithin()]).toEqual(['8\n\n', false])
  expect([text(whole.take(Buffer.from(': 9\n\n'))), whole.isWithin()]).toEqual(['data: 9\n\n', false])
})
