import { DataError, UsageError } from '../errors.ts'
import { hashPrompts, unseenRows } from '../evaluation/contamination.ts'
import type { GroupBy } from '../evaluation/groups.ts'
import { selectRows } from '../evaluation/outcomes.ts'
import { type PoolTest, poolTestOf, rowsOfAll } from '../evaluation/pool_test.ts'
import { ANSWER_TOKENS, withEstimatedCosts } from '../evaluation/pricing.ts'
import { withInputTokens } from '../policies/input_tokens.ts'
import { unknownName } from '../registry.ts'
import { CHARACTERS_PER_TOKEN } from '../text/tokens.ts'
import type { Outcomes, RouteRequest } from '../types.ts'
import { resolveDataset } from './catalog.ts'
import { readOutcomes } from './outcomes.ts'
import { choosePair } from './pair_choice.ts'
import { openPolicyEntrants, type PolicyEntrant } from './policy_entrants.ts'
import { createPolicyStrategies } from './policy_strategies.ts'
import { type PricedPool, poolOfFile } from './priced_pool.ts'
import { gatherOptions, type RouterOptions } from './router_options.ts'

/** What an evaluation of policies is made from. */
export interface PolicyEvalOptions {
  readonly policies: readonly string[]
  /** That policies ask; several make a line each. Absent: the configured one, else one that the policy can use. */
  readonly strategies?: readonly string[]
  /** Weights to take as they are, each for the strategy that it names. */
  readonly checkpoints: readonly string[]
  /** Of the cross-validation of strategies without weights. Default 5. */
  readonly folds?: number
  readonly groupBy?: GroupBy
  readonly seed: number
  readonly embedder?: string
  readonly allowSeen: boolean
  readonly skipBad: boolean
  readonly promptColumn?: string
  /** Options of the policies, models, pair, threshold and configuration, as `route` takes them. */
  readonly router: RouterOptions
  /** Called while strategies are fitted. */
  readonly onFit?: (strategy: string, done: number, total: number) => void
}

/** Everything read, fitted and decided; nothing measured yet. */
export interface PolicyEvalPlan {
  readonly test: PoolTest
  readonly requests: readonly RouteRequest[]
  readonly entrants: readonly PolicyEntrant[]
  /** Rows with scores of all models; those that training has seen are among them. */
  readonly rows: number
  readonly seen: number
  /** Bad rows left out. */
  readonly skipped: number
  readonly pair: { readonly strong: string; readonly weak: string }
  /** In words, of each strategy that was asked: where its answers come from. */
  readonly methods: readonly string[]
  readonly notes: readonly string[]
}

/**
 * Reads outcomes, fits or opens the strategies that the policies ask, and makes the policies.
 * @throws UsageError, DataError
 */
export async function planPolicyEvaluation(file: string, options: PolicyEvalOptions): Promise<PolicyEvalPlan> {
  const { promptColumn, skipBad, router, seed, allowSeen } = options
  const path = resolveDataset(file)
  const asked = await gatherOptions({ ...router, seed })
  const { strong, weak } = Object.assign({}, ...asked.layers.toReversed()) as RouterOptions
  const read = await readOutcomes([path], {
    ...(promptColumn === undefined ? {} : { promptColumn }),
    skipBad,
    ...pairIn(path, strong, weak, router),
  })
  const notes: string[] = []
  const configured = asked.config.models ?? []
  let { outcomes } = read
  if (read.form === 'battles') {
    throw new DataError(
      path,
      undefined,
      'expected scores of every model on every prompt, got battles of two. Policies need columns score:<model>.',
    )
  }
  if (!outcomes.costs) {
    outcomes = withEstimatedCosts(outcomes, configured)
    if (outcomes.costs) {
      notes.push(
        `costs are estimated from the prices in ${asked.config.file}: ${CHARACTERS_PER_TOKEN} characters a token, ${ANSWER_TOKENS} tokens an answer.`,
      )
    }
  }
  const models = modelsOf(outcomes, router.models)
  outcomes = withPairAmong(outcomes, models)
  const measured = rowsOfAll(outcomes, models)
  if (measured.length === 0) {
    throw new DataError(
      path,
      undefined,
      `expected rows with scores of ${models.join(', ')}, got none. Choose others with --models.`,
    )
  }
  if (measured.length < outcomes.prompts.length) {
    notes.push(`${outcomes.prompts.length - measured.length} rows without scores of all models are not tested.`)
  }
  const requests = await requestsOf(selectRows(outcomes, measured))
  const priced = poolOfFile(outcomes, measured, models, requests, configured)
  notes.push(...priced.notes, ...costNotes(outcomes, priced))

  const strategies = createPolicyStrategies(outcomes, { ...options, pair: pairOf(outcomes), asked })
  const opened = await openPolicyEntrants(options, asked, priced.pool, strategies)
  const unseen = new Set(unseenRows(hashPrompts(outcomes.prompts), [...opened.seen, ...strategies.seen()]))
  const fresh = measured.filter(row => unseen.has(row))
  const seen = measured.length - fresh.length
  if (fresh.length === 0 && !allowSeen) {
    throw new UsageError(
      `${file}: expected prompts that training has not seen, got ${seen} of ${measured.length} seen. Pass --cv 5 to train and test by folds, or --allow-seen to test on them all the same.`,
    )
  }
  const tested = allowSeen ? measured : fresh
  const places = new Map(Array.from(measured, (row, place) => [row, place]))
  return {
    test: poolTestOf(outcomes, tested, models),
    requests: Array.from(tested, row => requests[places.get(row)!]!),
    entrants: opened.entrants,
    rows: measured.length,
    seen,
    skipped: read.skipped,
    pair: pairOf(outcomes),
    methods: strategies.methods(),
    notes: [...notes, ...opened.notes],
  }
}

/** A pair that was asked for has to be there; one that is only configured counts where the file has it. */
function pairIn(path: string, strong: string | undefined, weak: string | undefined, given: RouterOptions) {
  if (given.strong !== undefined || given.weak !== undefined) {
    return {
      ...(given.strong === undefined ? {} : { strong: given.strong }),
      ...(given.weak === undefined ? {} : { weak: given.weak }),
    }
  }
  return strong !== undefined && weak !== undefined && path !== '' ? { preferred: { strong, weak } } : {}
}

function modelsOf({ models }: Outcomes, named: readonly string[] | undefined): readonly string[] {
  for (const id of named ?? []) if (!models.includes(id)) throw unknownName('model', id, models)
  return named ?? models
}

/** The outcomes with a pair of these models: the file's own where it is of them, else the best and of the others the cheapest. */
function withPairAmong(outcomes: Outcomes, models: readonly string[]): Outcomes {
  const own = pairOf(outcomes)
  if (models.length < 2 || (models.includes(own.strong) && models.includes(own.weak))) return outcomes
  const columns = models.map(id => outcomes.models.indexOf(id))
  const width = outcomes.models.length
  const table = (values: Float64Array) =>
    Float64Array.from({ length: outcomes.prompts.length * columns.length }, (_, at) => {
      return values[Math.floor(at / columns.length) * width + columns[at % columns.length]!]!
    })
  const costs = outcomes.costs && table(outcomes.costs)
  const chosen = choosePair({ models, scores: table(outcomes.scores), costs, form: 'wide' }, {})
  const [strong, weak] = [columns[chosen.strong]!, columns[chosen.weak]!]
  const side = (m: number) => Float64Array.from(outcomes.prompts, (_, row) => outcomes.scores[row * width + m]!)
  const sources = outcomes.sources.map(source => ({ ...source, strong, weak }))
  return { ...outcomes, strong: side(strong), weak: side(weak), sources }
}

function pairOf({ models, sources }: Outcomes): { strong: string; weak: string } {
  const { strong, weak } = sources[0]!
  return { strong: models[strong]!, weak: models[weak]! }
}

/** The rows as policies see them: the id is the key, and category and id are fields of metadata. */
async function requestsOf({ prompts, ids, categories }: Outcomes): Promise<RouteRequest[]> {
  const bare = prompts.map((prompt, i) => ({
    prompt,
    key: ids[i]!,
    metadata: { id: ids[i]!, ...(categories[i] ? { category: categories[i] } : {}) },
  }))
  const needs = await withInputTokens(bare)
  return bare.map((request, i) => ({ ...request, needs: needs[i]! }))
}

function costNotes({ costs }: Outcomes, { pool }: PricedPool): string[] {
  if (!costs) return ['No costs are known: add cost:<model> columns, or prices of the models to llmroute.yaml.']
  const unknown = pool.models.filter(
    ({ inputPrice, outputPrice }) => inputPrice === undefined && outputPrice === undefined,
  )
  return unknown.length === 0
    ? []
    : [`No costs are known of ${unknown.map(({ id }) => id).join(', ')}, so there is no line of cost and quality.`]
}
