import type { CallSettings } from '../call_types.ts'
import type { Prediction } from '../io/budget.ts'
import type { CallCost, RowAnswer } from '../io/call_columns.ts'
import type { RequestBody } from '../io/chat_body.ts'
import type { Config } from '../io/config.ts'
import { openCheckpoint } from '../io/open_checkpoint.ts'
import { createStrategy } from '../io/open_strategy.ts'
import { predictedCost } from '../policies/predicted_cost.ts'
import { unknownName } from '../registry.ts'
import { roughTokens } from '../text/tokens.ts'
import type { Decision, Model, PoolStatistics } from '../types.ts'
import { createCaller } from '../upstream/caller.ts'
import type { PlanAnswer, PlanParts } from '../upstream/plan_types.ts'
import type { Caller } from '../upstream/upstream_types.ts'
import type { CallFlags } from './call_flags.ts'

/** Tokens of an answer before anything is known of its model. */
const ASSUMED_TOKENS = 500

/** The caller that configuration and flags ask for. A flag goes over the file. */
export function openCaller(config: Config, flags: CallFlags): Caller {
  const { retry, timeouts, breaker, maxConcurrency, rateLimit } = config
  const cache = flags.cache === false ? undefined : (config.cache ?? (flags.cache === undefined ? undefined : {}))
  const options: { -readonly [K in keyof CallSettings]: CallSettings[K] } = {
    retry: { ...retry, ...(flags.retries === undefined ? {} : { attempts: flags.retries + 1 }) },
    timeouts: { ...timeouts, ...(flags.timeout === undefined ? {} : timeoutsOf(flags.timeout)) },
    breaker: { ...breaker },
  }
  if (cache) options.cache = { ...cache, ...(typeof flags.cache === 'string' ? { folder: flags.cache } : {}) }
  const concurrency = flags.maxConcurrency ?? maxConcurrency
  if (concurrency !== undefined) options.maxConcurrency = concurrency
  const rate = flags.rateLimit ?? rateLimit
  if (rate !== undefined) options.rateLimit = rate
  return createCaller(options)
}

/** What plans are carried out with: the models of the configuration and of the pool, scorers by their checkpoints. */
export function planPartsOf(
  caller: Caller,
  config: Config,
  pool: readonly Model[],
  fallback: readonly string[] | undefined,
): PlanParts {
  const models = new Map([...(config.models ?? []), ...pool].map(model => [model.id, model]))
  const modelOf = (id: string): Model => {
    const model = models.get(id)
    if (model) return model
    throw unknownName('model', id, [...models.keys()])
  }
  const scorers = new Map<string, ReturnType<PlanParts['scorer']>>()
  return {
    ...{ caller, modelOf, now: () => performance.now() },
    fallbacks: (fallback ?? config.fallback ?? []).map(modelOf),
    predictCost: (model, body) => predictCall(model, body, caller.statistics).cost,
    scorer(checkpoint) {
      const scorer = scorers.get(checkpoint) ?? openScorer(checkpoint)
      scorers.set(checkpoint, scorer)
      return scorer
    },
  }
}

/** What a decided request is expected to cost: of several models all together, of a cascade at most what it may. */
export function predictDecision(
  { models, accept, merge }: Decision,
  body: RequestBody,
  parts: Pick<PlanParts, 'modelOf' | 'caller'>,
): Prediction {
  const judge = merge?.judge ?? accept?.judge
  const { cost, isGuess } = predictAsked([...models, ...(judge === undefined ? [] : [judge])], body, parts)
  const draws = accept?.by === 'self_consistency' ? (accept.samples ?? 1) : 1
  return {
    cost: cost === undefined ? undefined : Math.min(draws * cost, accept?.maxCost ?? Number.POSITIVE_INFINITY),
    isGuess,
  }
}

/** What asking all of these models once is expected to cost. */
export function predictAsked(
  models: readonly string[],
  body: RequestBody,
  { modelOf, caller }: Pick<PlanParts, 'modelOf' | 'caller'>,
): Prediction {
  const predicted = models.map(id => predictCall(modelOf(id), body, caller.statistics))
  const isKnown = predicted.every(({ cost }) => cost !== undefined)
  return {
    cost: isKnown ? predicted.reduce((total, { cost = 0 }) => total + cost, 0) : undefined,
    isGuess: predicted.some(({ isGuess }) => isGuess),
  }
}

/** The answer of a plan as a row has it. */
export function rowAnswerOf(answer: PlanAnswer): RowAnswer {
  const { model, text, usage, cost, latency, attempts, isCached, how, calls } = answer
  return {
    ...{ model, text, inputTokens: usage.inputTokens, outputTokens: usage.outputTokens },
    ...{ cost: roundedCost(cost), latency: Math.round(latency), isCached },
    retries: attempts.filter(({ failure }) => failure !== undefined).length,
    ...(how === undefined ? {} : { how }),
    calls: calls.flatMap(({ model, purpose, usage, cost }): CallCost[] =>
      usage
        ? [
            {
              ...{ model, purpose },
              inputTokens: usage.inputTokens,
              outputTokens: usage.outputTokens,
              cost: roundedCost(cost),
            },
          ]
        : [],
    ),
  }
}

/** US dollars without the digits that sums in binary leave; null where not known. */
export function roundedCost(cost: number | undefined): number | null {
  return cost === undefined ? null : Number(cost.toPrecision(12))
}

function predictCall(model: Model, body: RequestBody, statistics: PoolStatistics): Prediction {
  const allowed = [body.max_completion_tokens, body.max_tokens].find(value => typeof value === 'number')
  const inputTokens = roughTokens(JSON.stringify(body.messages))
  const needs = { inputTokens, ...(allowed === undefined ? {} : { outputTokens: allowed }) }
  const cost = predictedCost(model, needs, statistics)
  if (cost !== undefined) return { cost, isGuess: false }
  const guess = Math.min(allowed ?? ASSUMED_TOKENS, model.maxOutputTokens ?? Number.POSITIVE_INFINITY)
  return { cost: predictedCost({ ...model, outputTokens: guess }, needs), isGuess: allowed === undefined }
}

async function openScorer(file: string): Promise<(texts: readonly string[]) => Promise<Float64Array>> {
  const checkpoint = await openCheckpoint(file)
  const { strategy, pair } = checkpoint.metadata
  const scorer = await createStrategy(strategy, { checkpoint, pair })
  return texts => scorer.winRate(texts)
}

/** Of the attempt as a whole, and so of every part of it. */
function timeoutsOf(total: number): CallSettings['timeouts'] {
  return { connect: Math.min(10_000, total), firstByte: total, idle: total, total }
}
