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
  const saved = dearest && dearest.cost > 0 ? 1 - cost / dearest.cost : 0
  const change = `${Math.abs(100 * saved).toFixed(1)} % ${saved < 0 ? 'more' : 'less'} than ${dearest?.name}`
  const compared = others.length > 0 ? `; ${others.join(', ')}: ${change}` : ''
  return `${command}: ${dollars(cost)} for ${tokens}${compared}.\n`
}
