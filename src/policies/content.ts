import { UsageError } from '../errors.ts'
import { checked, v } from '../schema.ts'
import { sensitivities, sensitivitiesOf } from '../text/sensitive.ts'
import { type Sentiment, sentimentOf, sentiments } from '../text/sentiment.ts'
import { taskTypeOf, taskTypes } from '../text/task_type.ts'
import { topicOf, topics } from '../text/topic.ts'
import type { Policy, RouteRequest, TensorFile } from '../types.ts'
import { createFirstMatch, type FeatureRule, oneOf, ruleBlock, target } from './first_match.ts'
import type { PolicyParts } from './registry.ts'

const rule = v.strictObject({
  task: oneOf(taskTypes, 'Task types; requests may name their own in metadata.task.'),
  topic: oneOf(topics, 'Topics.'),
  sentiment: oneOf(sentiments, 'The mood of the prompt, of English ones.'),
  sensitive: v.optional(
    v.pipe(
      v.union([v.boolean(), v.picklist(sensitivities), v.pipe(v.array(v.picklist(sensitivities)), v.minLength(1))]),
      v.description('true: anything sensitive; false: nothing; or what of it.'),
    ),
  ),
  ...target,
})

/** Of the block `content`. */
export const options = ruleBlock(rule, 'code, maths, reasoning and what is sensitive to strong, the rest to weak.')

type Rule = v.InferOutput<typeof rule>

const ordinary: readonly Rule[] = [
  { name: 'sensitive', sensitive: true, use: 'strong' },
  { name: 'demanding', task: ['code', 'maths', 'reasoning'], use: 'strong' },
  { name: 'other', use: 'weak' },
]

/**
 * What the prompt is: its task type and topic by shipped classifiers, its mood by the valences of its words, what is sensitive
 * by patterns. Only what the rules ask for is worked out.
 * @throws UsageError for rules that do not fit the pool, or none where the pool has no pair.
 */
export async function create({
  options: given,
  pool,
  classifier,
}: Pick<PolicyParts, 'options' | 'pool' | 'classifier'>): Promise<Policy> {
  const { rules: own, default: last } = checked(options, given, 'policy content')
  if (!own && last === undefined && !pool.pair) {
    throw new UsageError('policy content: expected rules, or a pair, got neither. Add content.rules to llmroute.yaml.')
  }
  const rules = own ?? (pool.pair ? ordinary : [])
  const taskWeights = rules.some(({ task }) => task !== undefined) ? await classifier('task_type') : undefined
  const topicWeights = rules.some(({ topic }) => topic !== undefined) ? await classifier('topic') : undefined
  return createFirstMatch({
    policy: 'content',
    rules: rules.map(compiled),
    fallback: last,
    pool,
    featuresOf: request => createFeatures(request, taskWeights, topicWeights),
  })
}

/** Worked out when first asked for. */
interface Features {
  task(): string
  topic(): string
  sentiment(): Sentiment
  sensitive(): readonly string[]
}

function createFeatures(
  { prompt, metadata }: RouteRequest,
  taskWeights: TensorFile | undefined,
  topicWeights: TensorFile | undefined,
): Features {
  let task = typeof metadata?.task === 'string' && metadata.task !== '' ? metadata.task : undefined
  let topic: string | undefined
  let sentiment: Sentiment | undefined
  let sensitive: readonly string[] | undefined
  return {
    task() {
      task ??= taskTypeOf(prompt, taskWeights!)
      return task
    },
    topic() {
      topic ??= topicOf(prompt, topicWeights!)
      return topic
    },
    sentiment() {
      sentiment ??= sentimentOf(prompt)
      return sentiment
    },
    sensitive() {
      sensitive ??= sensitivitiesOf(prompt)
      return sensitive
    },
  }
}

function compiled({ task, topic, sentiment, sensitive, ...rest }: Rule): FeatureRule<Features> {
  return {
    ...rest,
    matches(features) {
      const found: string[] = []
      if (task !== undefined) {
        if (!isAmong(task, features.task())) return undefined
        found.push(`task ${features.task()}`)
      }
      if (topic !== undefined) {
        if (!isAmong(topic, features.topic())) return undefined
        found.push(`topic ${features.topic()}`)
      }
      if (sentiment !== undefined) {
        if (!isAmong(sentiment, features.sentiment())) return undefined
        found.push(`sentiment ${features.sentiment()}`)
      }
      if (sensitive !== undefined) {
        const all = features.sensitive()
        const wanted = typeof sensitive === 'boolean' ? all : all.filter(name => isAmong(sensitive, name))
        if (wanted.length > 0 === (sensitive === false)) return undefined
        found.push(wanted.length > 0 ? `sensitive: ${wanted.join(', ')}` : 'nothing sensitive')
      }
      return found.length > 0 ? found.join(', ') : 'matches always'
    },
  }
}

const isAmong = (wanted: string | readonly string[], found: string) =>
  typeof wanted === 'string' ? wanted === found : wanted.includes(found)
