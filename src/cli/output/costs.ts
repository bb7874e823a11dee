import type { CostSummary } from '../../routing/call_costs.ts'
import { dollars, grouped } from './numbers.ts'

/** `batch: $0.31 for 12,345 + 6,789 tokens; all strong (gpt-4o) $1.20, all weak (gpt-4o-mini) $0.07, so 74.2 % less than all strong.` */
export function costLine(command: string, { cost, inputTokens, outputTokens, baselines }: CostSummary): string {
  const tokens = `${grouped(inputTokens)} + ${grouped(outputTokens)} tokens`
  if (cost === null) {
    return `${command}: ${tokens}; what they cost is not known: a model has no price (input_price, output_price).\n`
  }
  const others = baselines.map(({ name, model, cost }) => `${name} (${model}) ${dollars(cost)}`)
  const [dearest] = baselines
  const change = dearest && dearest.cost > 0 ? `: ${comparison(cost / dearest.cost)} ${dearest.name}` : ''
  const compared = others.length > 0 ? `; ${others.join(', ')}${change}` : ''
  return `${command}: ${dollars(cost)} for ${tokens}${compared}.\n`
}

/** `74.2 % less than`, `as much as`, `12.5 times as much as`. @param ratio 0 and up. */
function comparison(ratio: number): string {
  const percent = Math.abs(100 * (ratio - 1)).toFixed(1)
  if (percent === '0.0') return 'as much as'
  if (ratio >= 2) return `${ratio.toFixed(1)} times as much as`
  return `${percent} % ${ratio < 1 ? 'less' : 'more'} than`
}
