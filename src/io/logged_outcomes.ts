import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { UsageError } from '../errors.ts'
import type { LoggedOutcomes } from '../evaluation/logged_training.ts'
import { unknownName } from '../registry.ts'
import type { LoggedDecision } from '../routing/logged_decision.ts'
import { answeredBy, loggedPair } from '../routing/replay.ts'
import type { RouteRequest } from '../types.ts'
import { readFeedback } from './feedback.ts'
import { readDecisionLog } from './read_decision_log.ts'
import { readTexts } from './replay_log.ts'

/** Where outcomes come from. */
export interface LoggedOutcomesOptions {
  readonly log: string
  readonly feedback: string
  /** A file that holds the prompts whose hashes are in the log. */
  readonly requests?: string
  readonly promptColumn?: string
  readonly strong?: string
  readonly weak?: string
}

/** Outcomes of one's own traffic, and what they are. */
export interface ReadLoggedOutcomes extends LoggedOutcomes {
  /** What is enough and what is not, as sentences. */
  readonly notes: readonly string[]
}

/** Scored requests that a model must have: with fewer, what it would have earned elsewhere is a guess. */
const LEAST_SCORED = 50
/** Policies that send a request somewhere without regard to its prompt. */
const BLIND = ['ab', 'round_robin', 'weighted_round_robin', 'consistent_hash', 'least_connections']

/**
 * Joins a decision log with feedback by request id: a row a prompt, with the mean score of each model that answered it.
 * @throws UsageError where texts are missing or a model of the pair has too few scores; DataError.
 */
export async function readLoggedOutcomes(options: LoggedOutcomesOptions): Promise<ReadLoggedOutcomes> {
  const { log, feedback, requests, promptColumn } = options
  const { decisions, skipped } = await readDecisionLog(log)
  const scores = await readFeedback(feedback)
  const scored = decisions.filter(({ id, plan }) => plan === 'single' && scores.has(id))
  if (scored.length === 0) {
    throw new UsageError(
      `--feedback: expected ids of ${log}, got none of them in ${feedback}. Feedback goes by the id that the log has.`,
    )
  }
  const texts = requests === undefined ? new Map<string, RouteRequest>() : await readTexts(requests, promptColumn)
  const textOf = ({ prompt, promptHash }: LoggedDecision) => prompt ?? texts.get(promptHash)?.prompt
  const known = scored.filter(decision => textOf(decision) !== undefined)
  if (known.length === 0) {
    const advice =
      requests === undefined
        ? 'Log them with --log-prompts, or give the file that holds them with --requests.'
        : `None of them is in ${requests}.`
    throw new UsageError(
      `train --from-log: expected the text of prompts, got hashes for all ${scored.length} requests with feedback. ${advice}`,
    )
  }
  const counts = new Map<string, number>()
  for (const model of known.map(answeredBy)) counts.set(model, (counts.get(model) ?? 0) + 1)
  const pair = pairOf(known, counts, scores, options)
  for (const model of [pair.strong, pair.weak]) requireEnough(model, counts)
  const models = [...counts.keys()].filter(model => counts.get(model)! >= LEAST_SCORED).sort()
  const used = known.filter(decision => models.includes(answeredBy(decision)))
  const rows = groupByHash(used)
  const table = new Float64Array(rows.size * models.length).fill(Number.NaN)
  for (const [row, same] of [...rows.values()].entries()) {
    for (const [m, model] of models.entries()) {
      const own = same.filter(decision => answeredBy(decision) === model).map(({ id }) => scores.get(id)!)
      if (own.length > 0) table[row * models.length + m] = own.reduce((sum, score) => sum + score, 0) / own.length
    }
  }
  const side = (model: string) =>
    Float64Array.from([...rows.keys()], (_, row) => table[row * models.length + models.indexOf(model)]!)
  const firsts = [...rows.values()].map(same => same[0]!)
  const isRandom = [...rows.values()].map(same =>
    same.every(decision => BLIND.includes(decision.policy) && answeredBy(decision) === decision.model),
  )
  const both = firsts.filter(
    (_, row) => models.filter((_, m) => !Number.isNaN(table[row * models.length + m]!)).length > 1,
  ).length
  const sha256 = createHash('sha256')
    .update(JSON.stringify([firsts.map(({ promptHash }) => promptHash), [...table]]))
    .digest('hex')
  return {
    outcomes: {
      prompts: firsts.map(decision => textOf(decision)!),
      ids: firsts.map(({ id }) => id),
      categories: firsts.map(() => ''),
      strong: side(pair.strong),
      weak: side(pair.weak),
      source: new Uint16Array(rows.size),
      sources: [{ name: basename(log), sha256, strong: models.indexOf(pair.strong), weak: models.indexOf(pair.weak) }],
      models,
      scores: table,
      winRates: new Map(),
    },
    isRandom,
    notes: [
      `${known.length} scored requests, ${rows.size} different prompts: ${models.map(model => `${counts.get(model)} of ${model}`).join(', ')}; ${both} prompts know more than one model.`,
      ...(decisions.length > known.length
        ? [`${decisions.length - known.length} requests without feedback, text or a single model are left out.`]
        : []),
      ...(skipped > 0 ? [`${skipped} lines of the log are no decisions, and left out.`] : []),
      ...leftOut(counts),
      ...biasNotes(isRandom),
    ],
  }
}

/** What the choice of models does to what can be learned. */
function biasNotes(isRandom: readonly boolean[]): string[] {
  const random = isRandom.filter(Boolean).length
  if (random === isRandom.length) return []
  const rest = isRandom.length - random
  return [
    `${rest} prompts went where a policy thought best, so what the other model would have earned on them is extrapolated from other prompts (selection bias). A share of the traffic sent at random (policy ab) or scored on all models (llmroute label) mends that.`,
  ]
}

function leftOut(counts: ReadonlyMap<string, number>): string[] {
  const few = [...counts].filter(([, count]) => count < LEAST_SCORED)
  return few.length === 0
    ? []
    : [
        `Too few scores to learn from: ${few.map(([model, count]) => `${count} of ${model}`).join(', ')} (${LEAST_SCORED} needed).`,
      ]
}

/** The pair that was asked for, else the one most decisions were about, else the best and the worst of the models with enough scores. */
function pairOf(
  decisions: readonly LoggedDecision[],
  counts: ReadonlyMap<string, number>,
  scores: ReadonlyMap<string, number>,
  { strong, weak }: LoggedOutcomesOptions,
): { strong: string; weak: string } {
  for (const id of [strong, weak])
    if (id !== undefined && !counts.has(id)) throw unknownName('model', id, [...counts.keys()])
  const logged = decisions.map(loggedPair).find(pair => pair && counts.has(pair.strong) && counts.has(pair.weak))
  const means = [...counts.keys()].map(model => {
    const own = decisions.filter(decision => answeredBy(decision) === model).map(({ id }) => scores.get(id)!)
    return {
      model,
      mean: own.reduce((sum, score) => sum + score, 0) / own.length,
      isEnough: own.length >= LEAST_SCORED,
    }
  })
  const ranked = means.sort((a, b) => Number(b.isEnough) - Number(a.isEnough) || b.mean - a.mean)
  const able = ranked.filter(({ isEnough }) => isEnough)
  const chosen = logged ?? { strong: ranked[0]!.model, weak: (able.length > 1 ? able : ranked).at(-1)!.model }
  const pair = { strong: strong ?? chosen.strong, weak: weak ?? chosen.weak }
  if (pair.strong !== pair.weak) return pair
  throw new UsageError(
    `train --from-log: expected scored requests of two models, got only ${pair.strong}. What another would have earned cannot be learned from it: send it a share of the traffic (policy ab), or score a sample on both with llmroute label.`,
  )
}

function requireEnough(model: string, counts: ReadonlyMap<string, number>): void {
  const count = counts.get(model)!
  if (count >= LEAST_SCORED) return
  throw new UsageError(
    `train --from-log: expected at least ${LEAST_SCORED} scored requests of each model of the pair, got ${count} of ${model}. Send it a share of the traffic (policy ab), or score a sample on both with llmroute label.`,
  )
}

function groupByHash(decisions: readonly LoggedDecision[]): Map<string, LoggedDecision[]> {
  const groups = new Map<string, LoggedDecision[]>()
  for (const decision of decisions) {
    const group = groups.get(decision.promptHash)
    if (group) group.push(decision)
    else groups.set(decision.promptHash, [decision])
  }
  return groups
}
