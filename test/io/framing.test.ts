import { describe, expect, test } from 'vitest'
import { createCsvScanner } from '../../src/io/csv_scanner.ts'
import { SEGMENT_ROWS, SPAN } from '../../src/io/framing.ts'
import { createLineScanner } from '../../src/io/scanner.ts'
import { recordsOf, segmentsOf } from '../helpers/segments.ts'

describe('segments', () => {
  test('are cut at fixed rows, and say where the next begins', async () => {
    const text = Array.from({ length: 2500 }, (_, i) => `row ${i}\n`).join('')
    const segments = await segmentsOf(text, createLineScanner(1000, true), { piece: 333 })
    expect(segments.map(({ spans }) => spans.length / SPAN)).toEqual([
      SEGMENT_ROWS,
      SEGMENT_ROWS,
      2500 - 2 * SEGMENT_ROWS,
    ])
    for (const { next } of segments) {
      expect(text.slice(0, next.offset).split('\n')).toHaveLength(next.line)
    }
    expect(segments.at(-1)!.next.offset).toBe(text.length)
  })

  test('count rejected rows and lines that were passed over', async () => {
    const text = `${'bad\n'.repeat(SEGMENT_ROWS)}${'x'.repeat(9000)}\ngood,row\n`
    const scanner = createCsvScanner({ delimiter: 44, maxField: 1000, fields: 2, promptIndex: 0 })
    const segments = await segmentsOf(text, scanner, { piece: 50 })
    expect(segments.map(({ spans, rejects }) => [spans.length / SPAN, rejects.length])).toEqual([
      [0, SEGMENT_ROWS],
      [1, 1],
    ])
    expect(segments[1]!.rejects[0]!.line).toBe(SEGMENT_ROWS + 1)
    expect(segments[1]!.next).toEqual({ offset: text.length, line: SEGMENT_ROWS + 3 })
  })

  test('a record over four fields of the greatest length is rejected', async () => {
    const scanner = createCsvScanner({ delimiter: 44, maxField: 100, fields: 6, promptIndex: 0 })
    const row = Array.from({ length: 6 }, () => 'x'.repeat(90)).join(',')
    const { records, rejects } = recordsOf(await segmentsOf(`${row}\na,b,c,d,e,f\n`, scanner, { maxField: 100 }))
    expect(rejects.map(({ reason }) => reason)).toEqual(['record over 400 bytes (cut to 100 bytes here)'])
    expect(records.map(({ line }) => line)).toEqual([2])
  })
})

describe('lines', () => {
  test('end with LF or CRLF, and empty ones are records where they are kept', async () => {
    const kept = recordsOf(await segmentsOf('a\r\n\nb', createLineScanner(1000, true)))
    expect(kept.records.map(({ line, text }) => [line, text])).toEqual([
      [1, 'a'],
      [2, ''],
      [3, 'b'],
    ])
    const left = recordsOf(await segmentsOf('a\r\n \t\nb', createLineScanner(1000, false)))
    expect(left.records.map(({ line, text }) => [line, text])).toEqual([
      [1, 'a'],
      [3, 'b'],
    ])
  })

  test('over the limit are rejected, cut, and the next line follows', async () => {
    for (const piece of [1, 5, 1000]) {
      const text = `${'é'.repeat(300)}\r\nok\n${'x'.repeat(10)}\r\n`
      const { records, rejects } = recordsOf(
        await segmentsOf(text, createLineScanner(10, true), { piece, maxField: 10 }),
      )
      expect(rejects).toEqual([{ line: 1, reason: 'line over 10 bytes (cut to 10 bytes here)', raw: 'é'.repeat(5) }])
      expect(records.map(({ line, text }) => [line, text])).toEqual([
        [2, 'ok'],
        [3, 'x'.repeat(10)],
      ])
    }
  })
})
