import { UsageError } from '../errors.ts'
import { unknownName } from '../registry.ts'
import { checked, v } from '../schema.ts'
import { complexityOf } from '../text/complexity.ts'
import { createLanguageDetector, type LanguageDetector, languagesOf, UNDETERMINED } from '../text/language.ts'
import { topicOf, topics } from '../text/topic.ts'
import type { Policy, RouteRequest, TensorFile } from '../types.ts'
import {
  type Bounds,
  bounds,
  createFirstMatch,
  type FeatureRule,
  isWithin,
  oneOf,
  ruleBlock,
  target,
} from './first_match.ts'
import type { PolicyParts } from './registry.ts'

const rule = v.strictObject({
  language: v.optional(
    v.pipe(
      v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1))]),
      v.description('Languages of the prompt by ISO 639-1; und where there is none to tell, as of code.'),
    ),
  ),
  domain: oneOf(topics, 'What the prompt is about.'),
  length: bounds('Characters of the prompt.'),
  turns: bounds('Turns of the conversation, 1 for a prompt alone.'),
  conversation: bounds('Characters of all turns together.'),
  complexity: bounds('How much the prompt asks for, 0 to 1.'),
  ...target,
})

/** Of the block `context`. */
export const options = ruleBlock(rule, 'to strong from a complexity of 0.3 or 6 turns on, else to weak.')

type Rule = v.InferOutput<typeof rule>

const ordinary: readonly Rule[] = [
  { name: 'complex', complexity: { gte: 0.3 }, use: 'strong' },
  { name: 'long conversation', turns: { gte: 6 }, use: 'strong' },
  { name: 'other', use: 'weak' },
]

/**
 * The context of the prompt: its language, domain, length and complexity, and the length of the conversation. Only what the
 * rules ask for is worked out.
 * @throws UsageError for rules that do not fit the pool or name an unknown language, or none where the pool has no pair.
 */
export async function create({
  options: given,
  pool,
  classifier,
}: Pick<PolicyParts, 'options' | 'pool' | 'classifier'>): Promise<Policy> {
  const { rules: own, default: last } = checked(options, given, 'policy context')
  if (!own && last === undefined && !pool.pair) {
    throw new UsageError('policy context: expected rules, or a pair, got neither. Add context.rules to llmroute.yaml.')
  }
  const rules = own ?? (pool.pair ? ordinary : [])
  const languages = rules.flatMap(({ language = [] }) => language)
  const languageWeights = languages.length > 0 ? await classifier('language') : undefined
  if (languageWeights) requireLanguages(languages, languageWeights)
  const tools: Tools = {
    detectLanguage: languageWeights && createLanguageDetector(languageWeights),
    topicWeights: rules.some(({ domain }) => domain !== undefined) ? await classifier('topic') : undefined,
  }
  return createFirstMatch({
    policy: 'context',
    rules: rules.map(compiled),
    fallback: last,
    pool,
    featuresOf: request => createFeatures(request, tools),
  })
}

function requireLanguages(named: readonly string[], weights: TensorFile): void {
  const known = [...languagesOf(weights), UNDETERMINED]
  const unknown = named.find(language => !known.includes(language))
  if (unknown === undefined) return
  throw new UsageError(`policy context: ${unknownName('language', unknown, known).message}`)
}

/** What some conditions take. Undefined where no rule has them. */
interface Tools {
  readonly detectLanguage: LanguageDetector | undefined
  readonly topicWeights: TensorFile | undefined
}

/** Worked out when first asked for. */
interface Features {
  readonly request: RouteRequest
  language(): string
  domain(): string
  complexity(): number
}

function createFeatures(request: RouteRequest, { detectLanguage, topicWeights }: Tools): Features {
  let language: string | undefined
  let domain: string | undefined
  let complexity: number | undefined
  return {
    request,
    language() {
      language ??= detectLanguage!(request.prompt)
      return language
    },
    domain() {
      domain ??= topicOf(request.prompt, topicWeights!)
      return domain
    },
    complexity() {
      complexity ??= complexityOf(request.prompt)
      return complexity
    },
  }
}

function compiled({
  language: named,
  domain: about,
  length,
  turns,
  conversation,
  complexity,
  ...rest
}: Rule): FeatureRule<Features> {
  const language = named === undefined ? undefined : [named].flat()
  const domain: readonly string[] | undefined = about === undefined ? undefined : [about].flat()
  const numbers: readonly [string, Bounds | undefined, (features: Features) => number][] = [
    ['length', length, ({ request }) => request.prompt.length],
    ['turns', turns, ({ request }) => request.turns?.length ?? 1],
    ['conversation', conversation, ({ request }) => conversationLength(request)],
    ['complexity', complexity, features => features.complexity()],
  ]
  const asked = numbers.filter(([, limits]) => limits !== undefined)
  return {
    ...rest,
    matches(features) {
      const found: string[] = []
      for (const [name, limits, read] of asked) {
        const value = read(features)
        if (!isWithin(value, limits!)) return undefined
        found.push(`${name} ${Number.isInteger(value) ? value : value.toFixed(2)}`)
      }
      if (language !== undefined) {
        if (!language.includes(features.language())) return undefined
        found.push(`language ${features.language()}`)
      }
      if (domain !== undefined) {
        if (!domain.includes(features.domain())) return undefined
        found.push(`domain ${features.domain()}`)
      }
      return found.length > 0 ? found.join(', ') : 'matches always'
    },
  }
}

function conversationLength({ prompt, turns }: RouteRequest): number {
  return turns?.reduce((sum, { text }) => sum + text.length, 0) ?? prompt.length
}
