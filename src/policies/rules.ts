import { printable } from '../registry.ts'
import { checked, v } from '../schema.ts'
import { detectLanguage } from '../text/language.ts'
import { openTokenCounter } from '../text/tokens.ts'
import type { Alternative, Decision, Model, Policy, Reason } from '../types.ts'
import { requireModel, targetOf } from './model_names.ts'
import type { PolicyParts } from './registry.ts'
import { type CompileRegex, parseCondition } from './rule_conditions.ts'
import type { Facts, FactTools } from './rule_fields.ts'
import { createRuleIndex } from './rule_index.ts'
import { createUnchosen, names as isNamed } from './unchosen.ts'

const rule = v.strictObject({
  name: v.optional(v.pipe(v.string(), v.description('What reasons call the rule.'))),
  when: v.optional(
    v.pipe(
      v.record(v.string(), v.unknown()),
      v.description(
        'Fields that must hold: a value, a list of values, or operators (eq, ne, in, gt, gte, lt, lte, regex, exists, not). Fields: user, key, priority, prompt, length, tokens, turns, language, time, weekday, needs.*, metadata.*; and, or (lists of such blocks), not. Absent: always.',
      ),
    ),
  ),
  model: v.optional(v.pipe(v.string(), v.description('The model that the rule chooses.'))),
  use: v.optional(v.pipe(v.picklist(['strong', 'weak']), v.description('A side of the pair, instead of a model.'))),
})
const list = v.pipe(v.array(rule), v.description('Rules, tried in order: the first that matches decides.'))
const block = v.strictObject({
  rules: list,
  default: v.optional(v.pipe(v.string(), v.description('The model where no rule matches.'))),
})

/** The rules alone, or a block of rules and a default. What is wrong in one form is said in terms of that form. */
export const options = {
  ...v.union([list, block]),
  '~run': (dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) =>
    (Array.isArray(dataset.value) ? list : block)['~run'](dataset, config),
} as v.UnionSchema<[typeof list, typeof block], undefined>

/**
 * First matching rule whose model can serve the request, else the default. Rules are compiled once and found by hash where
 * they ask for equality, so that ten thousand cost about as much as one.
 */
export async function create({ options: given, pool, now, classifier }: PolicyParts): Promise<Policy> {
  const parsed = checked(options, given, 'policy rules')
  const { rules, default: fallback = undefined } = Array.isArray(parsed) ? { rules: parsed } : parsed
  if (fallback !== undefined) requireModel(fallback, pool, 'policy rules: default')
  const compile = rules.some(hasRegex) ? await openRegex() : refuseRegex
  const names = rules.map(({ name }, i) => `rule ${i + 1}${name === undefined ? '' : ` "${printable(name)}"`}`)
  const conditions = rules.map(({ when = {} }, i) => parseCondition(when, `policy rules: ${names[i]}: when`, compile))
  const targets = rules.map((given, i) => targetOf(given, pool, `policy rules: ${names[i]}`))
  const reasons = names.map((name): Reason => ({ kind: 'rule', name: `${name} matches`, weight: 1 }))
  const byDefault: Reason = { kind: 'rule', name: 'no rule matches: the default', weight: 0 }
  const unchosen = createUnchosen('no rule that matches chooses it')
  const index = createRuleIndex(conditions)
  const tools = await openTools(JSON.stringify(rules), classifier)

  return {
    noAnswer: () =>
      'policy rules: no rule with a model that can serve this request matches. Add a default, or a last rule without when.',
    async decide(requests, { models }) {
      const time = now()
      return requests.map(request => decideOne({ request, now: time, tools }, request.candidates ?? models))
    },
  }

  function decideOne(facts: Facts, candidates: readonly Model[]): Decision | undefined {
    const next = index.matches(facts)
    const passed: Reason[] = []
    for (let i = next(); i >= 0; i = next()) {
      const model = targets[i]!
      if (isIn(candidates, model)) {
        return decision(model, [reasons[i]!, ...passed], alternativesTo(model, next, candidates))
      }
      passed.push({ kind: 'constraint', name: `${names[i]} matches, but ${model} is not available`, weight: 0 })
    }
    if (fallback === undefined || !isIn(candidates, fallback)) return undefined
    return decision(fallback, [byDefault, ...passed], unchosen(candidates, fallback, []))
  }

  /** What each later rule that matches would have chosen, then the default. */
  function alternativesTo(chosen: string, next: () => number, candidates: readonly Model[]): readonly Alternative[] {
    const found: Alternative[] = []
    const isOther = (model: string) => model !== chosen && !isNamed(found, model) && isIn(candidates, model)
    while (found.length < candidates.length - 1) {
      const i = next()
      if (i < 0) break
      if (isOther(targets[i]!)) found.push({ model: targets[i]!, reason: `${names[i]} matches too` })
    }
    if (fallback !== undefined && isOther(fallback)) found.push({ model: fallback, reason: 'the default' })
    return unchosen(candidates, chosen, found)
  }
}

function decision(model: string, reasons: readonly Reason[], alternatives: readonly Alternative[]): Decision {
  return { model, models: [model], plan: 'single', policy: 'rules', reasons, alternatives }
}

function isIn(candidates: readonly Model[], id: string): boolean {
  for (let i = 0; i < candidates.length; i++) if (candidates[i]!.id === id) return true
  return false
}

const hasRegex = ({ when }: v.InferOutput<typeof rule>) => JSON.stringify(when ?? {}).includes('"regex":')

async function openRegex(): Promise<CompileRegex> {
  const { RE2JS } = await import('./re2.ts')
  return pattern => {
    const compiled = RE2JS.compile(pattern)
    return text => compiled.test(text)
  }
}

const refuseRegex: CompileRegex = () => {
  throw new Error('a pattern that was not seen')
}

/** Opens what fields take to read, where a rule has such a field. */
async function openTools(rules: string, classifier: PolicyParts['classifier']): Promise<FactTools> {
  const tools: FactTools = {}
  if (rules.includes('"language"')) {
    const weights = await classifier('language')
    tools.detectLanguage = text => detectLanguage(text, weights)
  }
  if (rules.includes('"tokens"')) tools.countTokens = await openTokenCounter()
  return tools
}
