import { expect, test } from 'vitest'
import { createColors } from '../../src/cli/output/color.ts'
import { dollars, fixed, grouped, percent, signed } from '../../src/cli/output/numbers.ts'
import { renderTable } from '../../src/cli/output/table.ts'

test('columns are aligned, numbers to the right, no space at line ends', () => {
  const rows = [
    ['id', 'n', 'note'],
    ['ä', '10', ''],
    ['long', '5', 'x'],
  ]
  expect(renderTable(rows, { header: true, right: [1] })).toBe(
    'id     n  note\n────  ──  ────\nä     10\nlong   5  x\n',
  )
  expect(renderTable([['a', 'b'], ['c']])).toBe('a  b\nc\n')
  expect(renderTable([])).toBe('')
})

test('styles get padded cells and do not move columns', () => {
  const style = (cell: string, row: number, column: number) => (row === 1 && column === 0 ? `<${cell}>` : cell)
  expect(
    renderTable(
      [
        ['abc', 'x'],
        ['d', 'y'],
      ],
      { style },
    ),
  ).toBe('abc  x\n<d  >  y\n')
})

test('colours: on for a terminal, off for NO_COLOR and pipes, forced by FORCE_COLOR', () => {
  const isOn = (isTTY: boolean, env: Record<string, string>) => {
    const kept = { ...process.env }
    for (const name of ['NO_COLOR', 'FORCE_COLOR', 'TERM']) delete process.env[name]
    Object.assign(process.env, env)
    try {
      return createColors({ isTTY }).red('x') !== 'x'
    } finally {
      process.env = kept
    }
  }
  expect(isOn(true, {})).toBe(true)
  expect(isOn(true, { NO_COLOR: '1' })).toBe(false)
  expect(isOn(true, { NO_COLOR: '' })).toBe(true)
  expect(isOn(true, { TERM: 'dumb' })).toBe(false)
  expect(isOn(true, { FORCE_COLOR: '0' })).toBe(false)
  expect(isOn(false, {})).toBe(false)
  expect(isOn(false, { FORCE_COLOR: '1' })).toBe(true)
})

test('numbers', () => {
  expect([fixed(0.66444), fixed(null), fixed(Number.NaN)]).toEqual(['0.664', '–', '–'])
  expect([percent(0.2718), percent(null)]).toEqual(['27.2%', '–'])
  expect([signed(0.08), signed(-0.08), signed(0), signed(null)]).toEqual(['+0.080', '−0.080', '+0.000', '–'])
  expect(grouped(9847)).toBe('9,847')
  expect([dollars(2.154), dollars(0.00123), dollars(1234.5), dollars(null)]).toEqual([
    '$2.15',
    '$0.00123',
    '$1235',
    '–',
  ])
})
