import { isStrong } from '../../policies/threshold.ts'
import type { Alternative, Decision, Reason } from '../../types.ts'

/** What moves a win rate by less is not said. */
const LEAST = 0.00005

/** What decided, and what the alternatives would have been, as lines. */
export function explanation(decision: Omit<Decision, 'reasons'>, reasons: readonly Reason[]): string {
  const { winRate, threshold, alternatives = [] } = decision
  const isPair = winRate !== undefined && threshold !== undefined
  const others = isPair ? [] : alternatives.map(alternativeLine)
  const said = reasons.filter(({ kind, weight }) => kind !== 'feature' || Math.abs(weight) >= LEAST)
  return `${[isPair ? pairLine(decision) : policyLine(decision), ...said.map(reasonLine), ...others].join('\n')}\n`
}

function pairLine({ strategy, winRate, threshold, model, alternatives = [] }: Omit<Decision, 'reasons'>): string {
  const sign = isStrong(winRate!, threshold!) ? '>=' : '<'
  const others = alternatives.map(other => other.model).join(', ')
  const refused = alternatives.find(({ reason }) => reason !== undefined)
  const why = refused ? `, since ${refused.model} is out (${refused.reason})` : others && `, not ${others}`
  return `${strategy}: win rate ${winRate!.toFixed(4)} ${sign} threshold ${threshold!.toFixed(4)}: ${model}${why}`
}

function policyLine({ policy, model, models, plan, cost }: Omit<Decision, 'reasons'>): string {
  const used = { single: model, all: `${models.join(' and ')}, merged`, until_accepted: models.join(', then ') }[plan]
  return `${policy}: ${used}${dollars(cost)}`
}

function reasonLine({ kind, name, weight, category, text }: Reason): string {
  const about = [category && `(${category})`, text && JSON.stringify(text.slice(0, 80))].filter(Boolean).join(' ')
  return `  ${weight < 0 ? '-' : '+'}${Math.abs(weight).toFixed(4)}  ${kind} ${name}${about ? ` ${about}` : ''}`
}

function alternativeLine({ model, score, cost, reason }: Alternative): string {
  const about = [
    score === undefined ? '' : ` score ${score.toPrecision(4)}`,
    dollars(cost),
    reason ? `: ${reason}` : '',
  ]
  return `  not ${model}${about.join('')}`
}

function dollars(cost: number | undefined): string {
  return cost === undefined ? '' : `, expected $${cost.toPrecision(3)}`
}
