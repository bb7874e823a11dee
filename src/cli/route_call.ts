import { UsageError } from '../errors.ts'
import { bodyOfPrompt } from '../io/chat_body.ts'
import { strangePair } from '../io/config_effect.ts'
import { createRouter } from '../io/router.ts'
import type { LoggedAnswer } from '../routing/logged_decision.ts'
import type { Decision, Reason } from '../types.ts'
import { carryOut } from '../upstream/plan.ts'
import type { PlanAnswer } from '../upstream/plan_types.ts'
import { CallError } from '../upstream/upstream_types.ts'
import { bodyOptionsOf, type CallFlags, readCallConfig } from './call_flags.ts'
import { openCaller, planPartsOf, roundedCost } from './call_parts.ts'
import { dryRequests, renderDryRun } from './dry_run.ts'
import { logDecision } from './log_decision.ts'
import { type DecisionFlags, routerOptions } from './options.ts'
import { explanation } from './output/explanation.ts'
import { toJson } from './output/json.ts'
import { type RequestFlags, requestOf } from './request_options.ts'

/** Flags of `route --call`. */
export interface RouteCallFlags extends DecisionFlags, RequestFlags, CallFlags {
  explain?: boolean
  json?: boolean
}

/**
 * Decides and calls: the answer goes to standard output as it comes, what it took to standard error; with `--json` one record.
 * @throws UsageError, DataError; UpstreamError where no model answers.
 */
export async function routeAndCall(prompt: string, flags: RouteCallFlags): Promise<void> {
  const config = await readCallConfig(flags)
  const caller = openCaller(config, flags)
  try {
    const router = await createRouter(await routerOptions(flags), { statistics: caller.statistics })
    for (const note of router.notes) process.stderr.write(`${note}\n`)
    const body = bodyOfPrompt(prompt, bodyOptionsOf(flags))
    const asked = requestOf(prompt, flags)
    const request =
      flags.maxTokens === undefined ? asked : { ...asked, needs: { ...asked.needs, outputTokens: flags.maxTokens } }
    const [{ reasons: given = [], ...decided }] = (await router.decide([request])) as [Decision]
    const strange = strangePair(router, config.models)
    if (strange !== undefined && !config.models!.some(({ id }) => id === decided.model)) {
      throw new UsageError(`--call: ${strange}.`)
    }
    const reasons = flags.explain ? [...given, ...(await router.explain(prompt))] : undefined
    const decision = reasons ? { ...decided, reasons } : decided
    const parts = planPartsOf(caller, config, router.pool.models, flags.fallback)
    if (flags.dryRun) {
      const requests = dryRequests(decision, body, parts, !flags.json && decision.plan === 'single')
      process.stdout.write(flags.json ? toJson({ ...decision, requests }) : renderDryRun(requests))
      return
    }
    if (flags.json) {
      const answer = await carryOut({ decision, body, prompt }, parts).catch(rethrow)
      const id = await logDecision(router, request, decided, loggedOf(answer))
      process.stdout.write(toJson({ ...(id === undefined ? {} : { id }), ...decision, answer: record(answer) }))
      return
    }
    if (reasons) process.stderr.write(explanation(decision, reasons as readonly Reason[]))
    const printed = printer()
    const answer = await carryOut({ decision, body, prompt, onText: printed.write }, parts)
      .catch(rethrow)
      .finally(printed.end)
    await logDecision(router, request, decided, loggedOf(answer))
    process.stderr.write(summary(answer, decision))
  } finally {
    await caller.close()
  }
}

/** A plan that allows no call is the user's to change: nothing upstream has failed. */
function rethrow(error: unknown): never {
  const isUnsent = error instanceof CallError && error.isRequestRefused && error.attempts.length === 0
  throw isUnsent ? new UsageError(error.message) : error
}

/** Writes text as it comes, and at its end a newline where it has none. */
function printer() {
  let last = '\n'
  return {
    write(text: string) {
      if (text === '') return
      last = text.slice(-1)
      process.stdout.write(text)
    },
    end() {
      if (last !== '\n') process.stdout.write('\n')
    },
  }
}

function loggedOf({ model, usage, cost, latency }: PlanAnswer): LoggedAnswer {
  const { inputTokens, outputTokens } = usage
  return { model, inputTokens, outputTokens, latency: Math.round(latency), ...(cost === undefined ? {} : { cost }) }
}

function record({ model, text, finishReason, usage, cost, latency, attempts, isCached, how, calls }: PlanAnswer) {
  return {
    ...{
      model,
      text,
      finishReason: finishReason ?? null,
      usage,
      cost: roundedCost(cost),
      latency: Math.round(latency),
    },
    ...{ attempts, isCached, how: how ?? null },
    calls: calls.map(({ attempts: _, ...call }) => call),
  }
}

/** `gpt-4o-mini: 12 + 45 tokens, $0.000029, 812 ms`, and what else happened. */
function summary(answer: PlanAnswer, { merge }: Decision): string {
  const { model, usage, cost, latency, attempts, isCached, how, calls } = answer
  const about = usage.isEstimated ? 'about ' : ''
  const price = cost === undefined ? 'price not known' : `$${Number(cost.toPrecision(3))}`
  const retries = attempts.filter(({ failure }) => failure !== undefined)
  const parts = [
    `${about}${usage.inputTokens} + ${usage.outputTokens} tokens`,
    isCached ? 'cached' : price,
    `${Math.round(latency)} ms`,
    ...(how === undefined ? [] : [how]),
  ]
  const failed = calls.filter(({ failure }) => failure !== undefined)
  const answered = calls.filter(call => call.purpose === 'answer' && call.failure === undefined)
  const names = merge?.by === 'concatenate' ? answered.map(call => call.model).join(', ') : model
  const lines = [
    `${names}: ${parts.join(', ')}`,
    ...(how === undefined ? retries.map(attempt => `  ${attempt.model}: ${attempt.failure}`) : []),
    ...failed.map(call => `  ${call.model}: ${call.failure}`),
  ]
  return `${lines.join('\n')}\n`
}
