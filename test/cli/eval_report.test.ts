import { expect, test } from 'vitest'
import { createColors } from '../../src/cli/output/color.ts'
import { evalCsv, plotSeries } from '../../src/cli/output/eval_data.ts'
import { verdicts, winnersOf } from '../../src/cli/output/eval_report.ts'
import { renderEvalTable } from '../../src/cli/output/eval_table.ts'
import type { Measurement } from '../../src/evaluation/benchmark.ts'

const point = { threshold: null, strongShare: 0, quality: 0.5, qualityLow: 0.4, qualityHigh: 0.6 }

function measured(id: string, figures: Partial<Measurement> = {}): Measurement {
  return {
    id,
    rows: 100,
    apgr: 0.6,
    apgrLow: 0.5,
    apgrHigh: 0.7,
    cpt20: 0.1,
    cpt50: 0.3,
    cpt80: null,
    quality50: 0.7,
    costPer1000: null,
    beatsRandom: null,
    beatsLength: null,
    minusLength: 0.02,
    minusLengthLow: -0.01,
    minusLengthHigh: 0.05,
    beatsSingleModel: false,
    curve: [point, { ...point, strongShare: 1, threshold: 0 }],
    ...figures,
  }
}

const gap = { strong: 0.8, weak: 0.6, gapLow: 0.1, gapHigh: 0.3 }

test('what is said: who beats length and the better model, or that nobody does', () => {
  const dull = [
    measured('linear'),
    measured('length', { beatsLength: true }),
    measured('oracle', { beatsLength: true }),
  ]
  expect(verdicts({ quality: gap, strategies: dull })).toEqual([
    'No strategy beats length (longer prompts to strong) with confidence.',
    'No strategy earns more than strong alone with confidence: what routing saves here is cost.',
    'No strategy is above random with confidence.',
  ])
  const bright = [
    measured('linear', { beatsLength: true, beatsSingleModel: true, beatsRandom: true }),
    measured('mf', { beatsLength: true }),
    measured('knn', { beatsLength: false }),
  ]
  expect(winnersOf(dull)).toEqual({ random: [], length: [], singleModel: [] })
  expect(winnersOf(bright)).toEqual({ random: ['linear'], length: ['linear', 'mf'], singleModel: ['linear'] })
  expect(verdicts({ quality: gap, strategies: bright })).toEqual([
    'Beat length with 95% confidence: linear, mf.',
    'At some share earn more than strong alone, with 95% confidence: linear.',
    'Worse than length with 95% confidence: knn.',
  ])
  expect(
    verdicts({ quality: { strong: 0.5, weak: 0.6, gapLow: -0.2, gapHigh: 0 }, strategies: [measured('linear')] }),
  ).toEqual([
    'strong earns 0.500 and weak 0.600: there is no gap to recover, so APGR and CPT are undefined.',
    'weak earns more than strong, so that strong is worth nothing here. Are the two swapped (columns, or --strong and --weak)?',
  ])
  expect(verdicts({ quality: gap, strategies: [measured('length')] })).toEqual([])
  expect(verdicts({ quality: gap, strategies: [measured('length', { rows: 99 })] })).toEqual([
    '99 prompts: too few to conclude much.',
  ])
  expect(verdicts({ quality: { ...gap, gapLow: -0.01 }, strategies: [measured('length')] })).toEqual([
    'The gap between strong and weak may be none (95% interval −0.010 to +0.300), so APGR says little.',
  ])
})

test('CSV: one line a strategy, size and category; null is empty; cells are quoted where they must be', () => {
  const stage = { trainSize: 50, quality: gap, strategies: [measured('a,"b"', { beatsLength: true })] }
  const cut = { category: 'x', rows: 3, quality: gap, strategies: [measured('c', { apgr: null })] }
  expect(evalCsv([{ ...stage, byCategory: [cut] }])).toBe(
    [
      'id,trainSize,category,rows,apgr,apgrLow,apgrHigh,cpt20,cpt50,cpt80,quality50,costPer1000,beatsLength,minusLength,minusLengthLow,minusLengthHigh,beatsSingleModel,beatsRandom',
      '"a,""b""",50,,100,0.6,0.5,0.7,0.1,0.3,,0.7,,true,0.02,-0.01,0.05,false,',
      'c,50,x,100,,0.5,0.7,0.1,0.3,,0.7,,,0.02,-0.01,0.05,false,',
      '',
    ].join('\n'),
  )
})

test('the plot: best strategy first and with a band, baselines last, single models not at all', () => {
  const strategies = [
    measured('random', { apgr: 0.5 }),
    measured('linear', { apgr: 0.6 }),
    measured('mf', { apgr: 0.7 }),
    measured('strong', { apgr: null, curve: [point] }),
    measured('theirs', { apgr: null }),
  ]
  const series = plotSeries(strategies)
  expect(series.map(({ label, isBaseline, band }) => [label, isBaseline, band !== undefined])).toEqual([
    ['mf', false, true],
    ['linear', false, false],
    ['theirs', false, false],
    ['random', true, false],
  ])
  expect(series.map(({ note }) => note).slice(0, 3)).toEqual([
    'APGR 0.700 (0.500 to 0.700)',
    'APGR 0.600 (0.500 to 0.700)',
    'APGR undefined',
  ])
})

test('a narrow terminal does without the less telling columns', () => {
  const lines = ['linear', 'length'].map(id => ({ id, measured: measured(id, { costPer1000: 1.5 }) }))
  const headOf = (width?: number) =>
    renderEvalTable(lines, createColors({}), true, width).split('\n')[0]!.split(/ {2,}/)
  expect(headOf()).toContain('quality')
  const narrow = headOf(80)
  expect(narrow).toEqual(['strategy', 'APGR', '95% interval', 'CPT50', '$/1k', '− length', 'beats length'])
})
