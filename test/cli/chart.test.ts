import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderChart } from '../../src/cli/output/chart.ts'
import { createColors } from '../../src/cli/output/color.ts'
import { type PlotSeries, renderSvg } from '../../src/cli/output/svg.ts'

const colors = createColors({})
const line = (...ys: readonly number[]) => ys.map((y, i) => ({ x: ys.length > 1 ? i / (ys.length - 1) : 0, y }))

describe('chart on the terminal', () => {
  test('a rising line goes from the lower left to the upper right corner', () => {
    const lines = renderChart([{ label: 'up', points: line(0, 1) }], 'quality', colors).split('\n')
    expect(lines[0]).toBe('quality over share sent to strong')
    expect(lines[1]).toMatch(/^ {2}1\.000 ┤ +●●?●?$/)
    expect(lines[8]).toMatch(/^ {2}0\.500 ┤ +●+$/)
    expect(lines[15]).toMatch(/^ {2}0\.000 ┤●+$/)
    expect(lines[17]).toBe(`${' '.repeat(9)}0%             25%            50%            75%            100%`)
    expect(lines[18]).toBe(`${' '.repeat(9)}● up`)
    expect(lines.at(-1)).toBe('')
  })

  test('the first line lies on top', () => {
    const same = line(0, 1)
    const text = renderChart(
      [
        { label: 'a', points: same },
        { label: 'b', points: same },
      ],
      'quality',
      colors,
    )
    expect(text.split('○')).toHaveLength(2)
    expect(text).toContain('● a   ○ b')
  })

  test('a flat line and a line of two equal ends are drawn', () => {
    expect(renderChart([{ label: 'flat', points: line(0.5, 0.5) }], 'quality', colors)).toContain('●'.repeat(61))
  })
})

describe('SVG', () => {
  const series: PlotSeries[] = [
    {
      label: 'linear',
      note: 'APGR 0.6',
      isBaseline: false,
      points: line(0.2, 0.5, 0.6),
      band: [0.2, 0.5, 0.6].map(y => ({ low: y - 0.05, high: y + 0.05 })),
    },
    { label: 'length', note: 'APGR 0.5', isBaseline: true, points: line(0.2, 0.4, 0.6) },
  ]

  test('one line a series, a band, labels and a legend', () => {
    const svg = renderSvg('data.csv', 'how', 'quality', series)
    expect(svg.match(/<polyline /g)).toHaveLength(2)
    expect(svg.match(/<polygon /g)).toHaveLength(1)
    for (const text of [
      'data.csv',
      'how',
      'quality',
      'linear',
      'APGR 0.6',
      'share of prompts sent to strong',
      '100%',
    ]) {
      expect(svg).toContain(`>${text}<`)
    }
  })

  test('names cannot break out of their text', () => {
    const svg = renderSvg('<b>&"', '\u0007', 'quality', [{ ...series[1]!, label: '</text><script>' }])
    expect(svg).not.toContain('<b>')
    expect(svg).not.toContain('<script>')
    expect(svg).not.toContain('\u0007')
    expect(svg).toContain('&#60;b&#62;&#38;&#34;')
  })

  test('every point lies inside the frame, whatever the values', () => {
    const value = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.array(value, { minLength: 2, maxLength: 11 }), ys => {
        const svg = renderSvg('t', 's', 'quality', [{ ...series[1]!, points: line(...ys) }])
        expect(svg).not.toMatch(/NaN|Infinity|undefined/)
        for (const [x, y] of /<polyline points="([^"]*)"/
          .exec(svg)![1]!
          .split(' ')
          .map(point => point.split(',').map(Number))) {
          expect(x).toBeGreaterThanOrEqual(70)
          expect(x).toBeLessThanOrEqual(630)
          expect(y).toBeGreaterThanOrEqual(64)
          expect(y).toBeLessThanOrEqual(444)
        }
      }),
    )
  })
})
