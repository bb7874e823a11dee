import { UsageError } from '../errors.ts'
import { simulateCalls } from '../evaluation/simulated_calls.ts'
import { thresholdForShare } from '../routing/calibration.ts'
import type { LoggedDecision } from '../routing/logged_decision.ts'
import { isRefusal } from '../routing/pool_router.ts'
import { atThreshold, loggedLatencies, loggedModels, loggedPair, type Replayed } from '../routing/replay.ts'
import type { Model, RouteRequest } from '../types.ts'
import { loggedHash } from './decision_log.ts'
import { openRequests, PROMPT_COLUMN } from './requests.ts'
import { createRouter } from './router.ts'
import { type Asked, gatherOptions, type RouterOptions } from './router_options.ts'
import { promptsOf } from './segment_prompts.ts'
import { requestsOf } from './segment_requests.ts'

/** What to do over again, and with what. */
export interface ReplayOptions {
  /** The policy, threshold or strategy to try, as `route` takes them. */
  readonly router: RouterOptions
  /** A file of requests that holds the prompts whose hashes are in the log. */
  readonly requests?: string
  readonly promptColumn?: string
}

/** A log, decided over again. */
export interface ReplayRun {
  readonly policy: string
  /** Only of policy `threshold`. */
  readonly threshold?: number
  readonly replayed: readonly Replayed[]
  /** With what is known of them, those of the log first. */
  readonly models: readonly Model[]
  /** Requests left out, since their text is not there. */
  readonly unread: number
  /** Whether load and latencies had to be made up. */
  readonly isSimulated: boolean
}

/** Policies that decide without looking at the prompt; those by key see its hash where a request has no key. */
const TEXT_FREE = [
  'round_robin',
  'weighted_round_robin',
  'least_connections',
  'performance',
  'adaptive',
  'ab',
  'consistent_hash',
  'cascade',
  'ensemble',
]
const BY_LOAD = ['least_connections', 'performance', 'adaptive']

/**
 * Asks another policy about the requests of a log, in its order and by its clock.
 * @throws UsageError where nothing else is asked for, or the policy reads prompts and the log holds hashes only; DataError.
 */
export async function replayDecisions(
  decisions: readonly LoggedDecision[],
  file: string,
  { router, requests, promptColumn }: ReplayOptions,
): Promise<ReplayRun> {
  const asked = await gatherOptions(router)
  const policy = policyOf(router)
  const isScoredAnew = router.strategy !== undefined || router.checkpoint !== undefined
  if (policy === 'threshold' && !isScoredAnew && decisions.every(loggedPair))
    return byWinRates(decisions, router, asked)
  const texts = requests === undefined ? new Map<string, RouteRequest>() : await readTexts(requests, promptColumn)
  const isTextFree = TEXT_FREE.includes(policy)
  const known = decisions.flatMap(logged => {
    const request = requestOf(logged, texts.get(logged.promptHash), isTextFree)
    return request ? [{ logged, request }] : []
  })
  if (known.length === 0) throw withoutText(policy, file, decisions.length, requests)

  const ids = router.models ?? (asked.config.models ? undefined : loggedModels(decisions))
  const names = loggedModels(decisions)
  const calls = simulateCalls(names, asked.seed, loggedLatencies(decisions))
  const { statistics, now } = calls
  const opened = await createRouter(
    { ...router, policy, ...(ids && policy !== 'threshold' ? { models: ids } : {}) },
    { statistics, now },
  )
  const replayed: Replayed[] = []
  for (const { logged, request } of known) {
    calls.arrive(Date.parse(logged.time) || undefined)
    const [decision] = await opened.decideEach([request])
    if (isRefusal(decision!)) {
      replayed.push({ logged, decision: undefined })
      continue
    }
    const called = decision!.plan === 'all' ? decision!.models : decision!.models.slice(0, 1)
    for (const model of called) calls.call(model, Number.NaN)
    replayed.push({ logged, decision: decision! })
  }
  return {
    policy,
    ...(opened.threshold === undefined ? {} : { threshold: opened.threshold }),
    replayed,
    models: modelsOf(names, asked, opened.pool.models),
    unread: decisions.length - known.length,
    isSimulated: BY_LOAD.includes(policy),
  }
}

/** The win rates that were logged, under another threshold: needs no text and no weights. */
function byWinRates(
  decisions: readonly LoggedDecision[],
  { threshold, strongPct }: RouterOptions,
  asked: Asked,
): ReplayRun {
  const rates = Float64Array.from(decisions, ({ winRate }) => winRate!).sort()
  const tried = threshold ?? (strongPct === undefined ? undefined : thresholdForShare(rates, strongPct))
  if (tried === undefined) {
    throw new UsageError('replay: expected --threshold or --strong-pct for policy threshold, got neither.')
  }
  return {
    policy: 'threshold',
    threshold: tried,
    replayed: decisions.map(logged => ({ logged, decision: atThreshold(logged, tried) })),
    models: modelsOf(loggedModels(decisions), asked, []),
    unread: 0,
    isSimulated: false,
  }
}

function policyOf({ policy, threshold, strongPct, strategy, checkpoint }: RouterOptions): string {
  if (policy !== undefined) return policy
  if ([threshold, strongPct, strategy, checkpoint].some(option => option !== undefined)) return 'threshold'
  throw new UsageError(
    'replay: expected something else to try, got none. Name it with --policy, --threshold, --strong-pct, --strategy or --checkpoint.',
  )
}

/** Undefined where the text is needed and not there. */
function requestOf(
  logged: LoggedDecision,
  found: RouteRequest | undefined,
  isTextFree: boolean,
): RouteRequest | undefined {
  const { prompt = found?.prompt, turns, user, priority, metadata, key, inputTokens, needs, promptHash } = logged
  if (prompt === undefined && !isTextFree) return undefined
  const named = { turns, user, priority, metadata, key }
  const own = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
  const asked = { ...needs, ...(inputTokens === undefined ? {} : { inputTokens }) }
  return { ...found, ...own, prompt: prompt ?? promptHash, needs: asked }
}

function withoutText(policy: string, file: string, count: number, requests: string | undefined): UsageError {
  const advice =
    requests === undefined
      ? 'Log them with --log-prompts, or give the file that holds them with --requests.'
      : `None of them is in ${requests}.`
  return new UsageError(
    `replay: expected the text of prompts for policy ${policy}, got hashes for all ${count} requests of ${file}. ${advice}`,
  )
}

/** Requests of a file by the hash of their prompts. */
export async function readTexts(file: string, promptColumn = PROMPT_COLUMN): Promise<Map<string, RouteRequest>> {
  const requests = await openRequests(file, { promptColumn })
  const form = {
    format: requests.format,
    promptColumn,
    ...(requests.header ? { columns: requests.header.columns } : {}),
  }
  const texts = new Map<string, RouteRequest>()
  try {
    for await (const segment of requests.segments()) {
      const { prompts, rows } = promptsOf(segment, requests.format, promptColumn)
      for (const request of requestsOf(segment, prompts, rows, form)) texts.set(loggedHash(request.prompt), request)
    }
  } finally {
    await requests.close()
  }
  return texts
}

function modelsOf(logged: readonly string[], { config }: Asked, pool: readonly Model[]): Model[] {
  const known = [...(config.models ?? []), ...pool]
  const ids = [...new Set([...logged, ...known.map(({ id }) => id)])]
  return ids.map(id => known.find(model => model.id === id) ?? { id })
}
