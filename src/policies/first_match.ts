import { printable } from '../registry.ts'
import { v } from '../schema.ts'
import type { Alternative, Decision, Model, Policy, Pool, Reason, RouteRequest } from '../types.ts'
import { requireModel, targetOf } from './model_names.ts'
import { createUnchosen, names as isNamed } from './unchosen.ts'

/** What every rule of a policy that matches on recognised features has, besides its conditions. */
export const target = {
  name: v.optional(v.pipe(v.string(), v.description('What reasons call the rule.'))),
  model: v.optional(v.pipe(v.string(), v.description('The model that the rule chooses.'))),
  use: v.optional(v.pipe(v.picklist(['strong', 'weak']), v.description('A side of the pair, instead of a model.'))),
}

/** The model of requests that no rule matches. */
const fallback = v.optional(
  v.pipe(v.string(), v.description('The model where no rule matches, or where none of their models can serve.')),
)

/** The block of such a policy. `without` says what it does where it has no rules. */
export function ruleBlock<Rule extends v.GenericSchema>(rule: Rule, without: string) {
  const rules = v.pipe(
    v.array(rule),
    v.description(`Rules, tried in order: the first whose conditions all hold decides. Without any: ${without}`),
  )
  return v.strictObject({ rules: v.optional(rules), default: fallback })
}

/** One value, or a list of which one must hold. */
export function oneOf<const Names extends readonly string[]>(names: Names, description: string) {
  return v.optional(
    v.pipe(
      v.union([v.picklist(names), v.pipe(v.array(v.picklist(names)), v.minLength(1))]),
      v.description(description),
    ),
  )
}

/** Bounds of a number. */
export function bounds(description: string) {
  const bound = v.optional(v.number())
  return v.optional(
    v.pipe(v.strictObject({ gte: bound, gt: bound, lte: bound, lt: bound }), v.description(description)),
  )
}

/** Bounds, as `bounds` reads them. */
export interface Bounds {
  readonly gte?: number | undefined
  readonly gt?: number | undefined
  readonly lte?: number | undefined
  readonly lt?: number | undefined
}

/** Whether a number lies within bounds. */
export function isWithin(value: number, { gte, gt, lte, lt }: Bounds): boolean {
  return (
    (gte === undefined || value >= gte) &&
    (gt === undefined || value > gt) &&
    (lte === undefined || value <= lte) &&
    (lt === undefined || value < lt)
  )
}

/** A rule: who it chooses, and what it asks of the features of a request. */
export interface FeatureRule<Features> {
  readonly name?: string | undefined
  readonly model?: string | undefined
  readonly use?: 'strong' | 'weak' | undefined
  /** Undefined where it does not match, else what matched, as a phrase. */
  matches(features: Features): string | undefined
}

/** How `createFirstMatch` is made. */
export interface FirstMatchOptions<Features> {
  readonly policy: string
  readonly rules: readonly FeatureRule<Features>[]
  readonly fallback: string | undefined
  readonly pool: Pool
  /** What the rules ask about a request, worked out once, and only as far as they ask. */
  featuresOf(request: RouteRequest): Features
}

/**
 * The model of the first rule that matches and whose model can serve the request, else the fallback, else no answer.
 * @throws UsageError for a rule that names no model, or one that is not in the pool.
 */
export function createFirstMatch<Features>({
  policy,
  rules,
  fallback: last,
  pool,
  featuresOf,
}: FirstMatchOptions<Features>): Policy {
  if (last !== undefined) requireModel(last, pool, `policy ${policy}: default`)
  const names = rules.map(({ name }, i) => `rule ${i + 1}${name === undefined ? '' : ` "${printable(name)}"`}`)
  const targets = rules.map((rule, i) => targetOf(rule, pool, `policy ${policy}: ${names[i]}`))
  const unchosen = createUnchosen('no rule that matches chooses it')
  const noRule: Reason = { kind: 'rule', name: 'no rule matches: the default', weight: 0 }

  return {
    noAnswer: () =>
      `policy ${policy}: no rule with a model that can serve this request matches. Add a default, or a last rule without conditions.`,
    async decide(requests, { models }) {
      return requests.map(request => decideOne(featuresOf(request), request.candidates ?? models))
    },
  }

  function decideOne(features: Features, candidates: readonly Model[]): Decision | undefined {
    const passed: Reason[] = []
    for (let i = 0; i < rules.length; i++) {
      const phrase = rules[i]!.matches(features)
      if (phrase === undefined) continue
      const model = targets[i]!
      const isIn = candidates.some(({ id }) => id === model)
      if (isIn) {
        const reason: Reason = { kind: 'rule', name: `${names[i]}: ${phrase}`, weight: 1 }
        return decision(model, [reason, ...passed], alternativesTo(model, i + 1, features, candidates))
      }
      passed.push({ kind: 'constraint', name: `${names[i]} matches, but ${model} is not available`, weight: 0 })
    }
    if (last === undefined || !candidates.some(({ id }) => id === last)) return undefined
    return decision(last, [noRule, ...passed], unchosen(candidates, last, []))
  }

  /** What each later rule that matches would have chosen, then the fallback. */
  function alternativesTo(
    chosen: string,
    from: number,
    features: Features,
    candidates: readonly Model[],
  ): readonly Alternative[] {
    const found: Alternative[] = []
    const isOther = (model: string) =>
      model !== chosen && !isNamed(found, model) && candidates.some(({ id }) => id === model)
    for (let i = from; i < rules.length && found.length < candidates.length - 1; i++) {
      if (isOther(targets[i]!) && rules[i]!.matches(features) !== undefined)
        found.push({ model: targets[i]!, reason: `${names[i]} matches too` })
    }
    if (last !== undefined && isOther(last)) found.push({ model: last, reason: 'the default' })
    return unchosen(candidates, chosen, found)
  }

  function decision(model: string, reasons: readonly Reason[], alternatives: readonly Alternative[]): Decision {
    return { model, models: [model], plan: 'single', policy, reasons, alternatives }
  }
}
