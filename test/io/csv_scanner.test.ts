import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCsvScanner } from '../../src/io/csv_scanner.ts'
import { recordsOf, segmentsOf } from '../helpers/segments.ts'

const scannerOf = (fields: number, { promptIndex = 0, maxField = 1000 } = {}) =>
  createCsvScanner({ delimiter: 44, maxField, fields, promptIndex })

const framed = async (
  text: string,
  fields: number,
  options: { piece?: number; maxField?: number; promptIndex?: number } = {},
) => recordsOf(await segmentsOf(text, scannerOf(fields, options), options))

const cell = fc.string({ unit: fc.constantFrom('a', 'é', '😀', ',', '"', '\n', '\r\n', ' ', 'b c'), maxLength: 8 })
const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
const written = (text: string) => (/^$|[",\r\n]/.test(text) ? quote(text) : text)

describe('records', () => {
  test('are those that csv-parse finds, in pieces of any size', async () => {
    const table = fc.integer({ min: 1, max: 4 }).chain(columns =>
      fc.record({
        rows: fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 12 }),
        lineEnd: fc.constantFrom('\n', '\r\n'),
        piece: fc.integer({ min: 1, max: 40 }),
        hasLast: fc.boolean(),
      }),
    )
    await fc.assert(
      fc.asyncProperty(table, async ({ rows, lineEnd, piece, hasLast }) => {
        const text = rows.map(row => row.map(written).join(',')).join(lineEnd) + (hasLast ? lineEnd : '')
        const promptIndex = rows[0]!.length - 1
        const { records, rejects } = await framed(text, rows[0]!.length, { piece, promptIndex })
        expect(rejects).toEqual([])
        const parsed: string[][] = parse(text, { record_delimiter: ['\r\n', '\n'] })
        expect(parsed).toEqual(rows)
        expect(records.map(({ prompt }) => prompt.replaceAll('""', '"'))).toEqual(parsed.map(row => row[promptIndex]))
        expect(records.map(record => parse(record.text, { record_delimiter: ['\r\n', '\n'] })[0])).toEqual(rows)
      }),
      { numRuns: 300 },
    )
  })

  test('and rejects of any bytes are the same however the bytes come', async () => {
    const soup = fc.string({ unit: fc.constantFrom('a', ',', '"', '""', '\n', '\r\n', '\r', 'bc'), maxLength: 120 })
    await fc.assert(
      fc.asyncProperty(soup, fc.integer({ min: 1, max: 9 }), async (text, piece) => {
        const whole = await framed(text, 2, { piece: 1000, maxField: 12 })
        expect(await framed(text, 2, { piece, maxField: 12 })).toEqual(whole)
      }),
      { numRuns: 500 },
    )
  })

  test('a quote inside an unquoted field is text', async () => {
    const { records } = await framed('5" nail,x\n', 2)
    expect(records).toEqual([{ line: 1, text: '5" nail,x', prompt: '5" nail' }])
  })

  test('blank lines are no records but count as lines', async () => {
    const { records, rejects } = await framed('a,b\n\n\r\nc,d\n', 2)
    expect(records.map(({ line, text }) => [line, text])).toEqual([
      [1, 'a,b'],
      [4, 'c,d'],
    ])
    expect(rejects).toEqual([])
  })

  test('of one column, an empty line is a record, and the end of the last line is none', async () => {
    for (const piece of [1, 100]) {
      const { records, rejects } = await framed('a\n\n\r\n""\n', 1, { piece })
      expect(records).toEqual([
        { line: 1, text: 'a', prompt: 'a' },
        { line: 2, text: '', prompt: '' },
        { line: 3, text: '', prompt: '' },
        { line: 4, text: '""', prompt: '' },
      ])
      expect(rejects).toEqual([])
    }
  })
})

describe('what is wrong', () => {
  test('a wrong number of fields takes the whole record along', async () => {
    const { records, rejects } = await framed('"a\nb",c,d\nx\ny,z\n', 2)
    expect(rejects).toEqual([
      { line: 1, reason: 'expected 2 fields, got 3', raw: '"a\nb",c,d' },
      { line: 3, reason: 'expected 2 fields, got 1', raw: 'x' },
    ])
    expect(records.map(({ line }) => line)).toEqual([4])
  })

  test('text after a closing quote rejects one line, not the rows behind it', async () => {
    const { records, rejects } = await framed('"a"b,c\n"d","e"\n', 2)
    expect(rejects).toEqual([
      { line: 1, reason: 'expected a delimiter or a line end after a closing quote', raw: '"a"b,c' },
    ])
    expect(records.map(({ text }) => text)).toEqual(['"d","e"'])
  })

  test('a quote that is never closed rejects one line', async () => {
    const { records, rejects } = await framed('a,"b\nc,d\ne,f', 2)
    expect(rejects).toEqual([{ line: 1, reason: 'quote not closed before the end of the file', raw: 'a,"b' }])
    expect(records.map(({ text }) => text)).toEqual(['c,d', 'e,f'])
  })

  test('a quote that is not closed within --max-field rejects one line', async () => {
    const { records, rejects } = await framed(`a,"b\n${'c,d\n'.repeat(20)}`, 2, { maxField: 30 })
    expect(rejects).toEqual([{ line: 1, reason: 'field over 30 bytes, or a quote that is not closed', raw: 'a,"b' }])
    expect(records).toHaveLength(20)
  })

  test('a field over --max-field is cut in the reject, whether quoted or not', async () => {
    const long = 'x'.repeat(5000)
    for (const text of [`${long},b\nc,d\n`, `"${long}",b\nc,d\n`]) {
      const { records, rejects } = await framed(text, 2, { maxField: 100 })
      expect(rejects).toHaveLength(1)
      expect(rejects[0]!.reason).toMatch(/^field over 100 bytes.*\(cut to 100 bytes here\)$/)
      expect(rejects[0]!.raw).toBe(text.slice(0, 100))
      expect(records).toEqual([{ line: 2, text: 'c,d', prompt: 'c' }])
    }
  })

  test('a field of exactly --max-field is taken', async () => {
    expect((await framed(`${'x'.repeat(100)},b\n`, 2, { maxField: 100 })).records).toHaveLength(1)
    expect((await framed(`${'x'.repeat(101)},b\n`, 2, { maxField: 100 })).records).toHaveLength(0)
  })

  test('quotes that open and close on alternate lines do not make scanning quadratic', async () => {
    const lines = 40_000
    const started = performance.now()
    const { records, rejects } = await framed('x","y\n'.repeat(lines), 2, { maxField: 1 << 20, piece: 1 << 16 })
    expect(records.length + rejects.length).toBe(lines)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})
