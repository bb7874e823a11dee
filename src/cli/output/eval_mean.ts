import type { ChalkInstance } from 'chalk'
import type { MeanMeasurement } from '../../evaluation/mean_over_sets.ts'
import type { EvalStage } from '../eval_run.ts'
import { renderNumbers } from './eval_report.ts'
import { answer, isBaseline, span } from './eval_table.ts'
import { fixed, grouped, NOTHING, signed } from './numbers.ts'

/** Several files, measured alike. */
export interface EvalSets {
  readonly sets: readonly { readonly name: string; readonly stage: Pick<EvalStage, 'strategies'> }[]
  readonly mean: readonly MeanMeasurement[]
}

/** What stands below the tables of several files: every file in a line, then the mean. */
export function renderSets({ sets, mean }: EvalSets, colors: ChalkInstance): string {
  const ids = mean.map(({ id }) => id)
  const rows = sets.map(({ name, stage: { strategies } }) => {
    const cells = ids.map(id => {
      const { apgr, beatsLength, beatsRandom } = strategies.find(measured => measured.id === id)!
      return `${fixed(apgr)}${beatsRandom ? '+' : ' '}${beatsLength ? '*' : beatsLength === false ? '!' : ' '}`
    })
    return [name, grouped(strategies[0]!.rows), ...cells]
  })
  const bySet = renderNumbers(['set', 'prompts', ...ids.map(id => `${id}  `)], rows, colors)
  const lines = mean.map(measured => {
    const { id, apgr, apgrLow, apgrHigh, beatsRandom, minusLength, minusLengthLow, minusLengthHigh } = measured
    return [
      id,
      fixed(apgr),
      span(fixed, apgrLow, apgrHigh),
      id === 'random' ? NOTHING : answer(beatsRandom),
      signed(minusLength),
      span(signed, minusLengthLow, minusLengthHigh),
      id === 'length' ? NOTHING : answer(measured.beatsLength),
    ]
  })
  const header = ['strategy', 'APGR', '95% interval', 'above random', '− length', '95% interval', 'beats length']
  const counted = mean[0]!.sets
  return [
    '\nAPGR by set (with 95% confidence: + above random, * beats length, ! worse than length)\n\n',
    bySet,
    `\nmean over ${counted} sets, each counting alike${counted < sets.length ? ' (the others have no gap)' : ''}\n\n`,
    renderNumbers(header, lines, colors),
    '\n',
    ...ids.filter(id => !isBaseline(id)).map(id => tally(id, sets)),
  ].join('')
}

function tally(id: string, sets: EvalSets['sets']): string {
  const found = sets.map(({ stage }) => stage.strategies.find(measured => measured.id === id)!)
  const above = found.filter(({ beatsRandom }) => beatsRandom).length
  const better = found.filter(({ beatsLength }) => beatsLength).length
  const worse = found.filter(({ beatsLength }) => beatsLength === false).length
  return `${id}: above random on ${above} of ${sets.length} sets, above length on ${better}, below length on ${worse}, with 95% confidence.\n`
}
