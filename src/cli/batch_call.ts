import type { BatchOptions } from '../io/batch_options.ts'
import { type CallBatchOptions, type CallBatchSummary, callBatch } from '../io/call_batch.ts'
import type { EarlierRun } from '../io/ledger_history.ts'
import { createRouter } from '../io/router.ts'
import { carryOut } from '../upstream/plan.ts'
import { dryRunBatch } from './batch_dry_run.ts'
import { GO_ON, stopSignal, writeOut } from './batch_process.ts'
import { bodyOptionsOf, type CallFlags, readCallConfig } from './call_flags.ts'
import { openCaller, planPartsOf, predictDecision, rowAnswerOf } from './call_parts.ts'
import type { DecisionFlags } from './options.ts'
import { costLine } from './output/costs.ts'
import { toJson } from './output/json.ts'
import { counted, dollars, grouped } from './output/numbers.ts'
import { createProgress, type Progress } from './output/progress.ts'
import { createPatience, waitNote } from './patience.ts'

/** Rows under way at a time, where nobody says otherwise. */
const CONCURRENCY = 16

/** Flags of `batch --call`. */
export interface BatchCallFlags extends DecisionFlags, CallFlags {
  json?: boolean
}

/** `llmroute batch <file> --call`: fills a file with answers. Prints what it took on standard error. */
export async function callBatchFile(batch: BatchOptions, flags: BatchCallFlags): Promise<void> {
  const config = await readCallConfig(flags)
  const maxConcurrency = flags.maxConcurrency ?? config.maxConcurrency ?? CONCURRENCY
  const caller = openCaller({ ...config, maxConcurrency }, flags)
  const router = await createRouter(batch.router, { statistics: caller.statistics })
  for (const note of router.notes) process.stderr.write(`${note}\n`)
  const parts = planPartsOf(caller, config, router.pool.models, flags.fallback)
  const options: CallBatchOptions = {
    ...batch,
    ...{ body: bodyOptionsOf(flags), maxConcurrency, maxDollars: flags.maxDollars },
    settings: { fallback: (parts.fallbacks ?? []).map(({ id }) => id).join(',') || null },
  }
  if (flags.dryRun) {
    await dryRunBatch(options, router, parts).finally(caller.close)
    return
  }
  const { signal, exitCode } = stopSignal()
  const patiently = createPatience({
    ...{ statistics: caller.statistics, signal },
    onWait(model) {
      progress?.stop()
      process.stderr.write(`batch: ${waitNote(model)}`)
    },
  })
  const started = performance.now()
  const isDrawn = batch.output !== undefined || !process.stdout.isTTY
  let progress: Progress | undefined
  let waiting = 0
  signal.addEventListener('abort', () => {
    progress?.stop()
    if (waiting > 0)
      process.stderr.write(
        `batch: waits for ${counted(waiting, 'answer', 'answers')} under way; Ctrl-C again ends it now.\n`,
      )
  })
  let summary: CallBatchSummary
  try {
    summary = await callBatch(
      options,
      {
        router,
        predict: (decision, body) => predictDecision(decision, body, parts),
        async answer(decision, prompt, body, isElsewhere) {
          waiting++
          try {
            const ask = () => carryOut({ decision, body, prompt }, parts)
            return rowAnswerOf(await patiently(decision.model, ask, isElsewhere))
          } finally {
            waiting--
          }
        },
      },
      {
        ...{ write: writeOut, signal },
        onReject(line) {
          progress?.stop()
          process.stderr.write(line)
        },
        onNote: note => process.stderr.write(`${note}\n`),
        onEarlier: earlier => process.stderr.write(goesOn(earlier)),
        onProgress({ rows, failed, spent, bytesRead, size }) {
          if (isDrawn && !signal.aborted) progress ??= createProgress('batch', size)
          const bad = failed > 0 ? `, ${grouped(failed)} failed` : ''
          progress?.update(bytesRead, `${counted(rows, 'row', 'rows')}${bad}, ${dollars(spent)}`)
        },
        onKept() {
          progress?.stop()
          process.stderr.write(`batch: ${GO_ON}`)
        },
      },
    )
  } finally {
    progress?.stop()
    await caller.close()
  }
  process.stderr.write(sentence(summary, (performance.now() - started) / 1000))
  if (flags.json && batch.output !== undefined) process.stdout.write(toJson(record(batch, router.policyId, summary)))
  // Standard input may still be open, and would hold a stopped process.
  if (summary.state === 'stopped') process.exit(exitCode())
  if (summary.state === 'budget' || (summary.rejected > 0 && summary.state === 'finished')) process.exitCode = 1
}

/** `batch: goes on after 512 answers, $0.31; 3 rows were under way and are asked again: 513, 514, 516.` */
function goesOn({ answered, failed, inFlight, cost }: EarlierRun): string {
  const shown = inFlight.slice(0, 20).join(', ')
  const more = inFlight.length > 20 ? ` and ${inFlight.length - 20} more` : ''
  const again =
    inFlight.length > 0
      ? `; ${counted(inFlight.length, 'row was under way and is', 'rows were under way and are')} asked again: ${shown}${more}`
      : ''
  const retried = failed > 0 ? `; ${counted(failed, 'row that failed is', 'rows that failed are')} asked again` : ''
  return `batch: goes on after ${counted(answered, 'answer', 'answers')}, ${dollars(cost)}${retried}${again}.\n`
}

function sentence(summary: CallBatchSummary, seconds: number): string {
  const { state, rows, byModel, failed, rejected, rejectedFile, answeredHere, ledger } = summary
  if (state === 'unchanged') return 'batch: nothing to do; an earlier run has finished this output.\n'
  const shares = Object.entries(byModel)
    .sort(([, a], [, b]) => b - a)
    .map(([model, count]) => `${((100 * count) / rows).toFixed(1)} % by ${model}`)
  const bad = rejected > 0 ? `${grouped(rejected)} rejected${rejectedFile ? ` (${rejectedFile})` : ''}` : ''
  const rate = `${(answeredHere / Math.max(1e-3, seconds)).toFixed(1)} answers/s`
  const head = state === 'finished' ? '' : 'stopped after '
  const done = [`batch: ${head}${counted(rows, 'answer', 'answers')}`, ...shares, bad, rate].filter(Boolean).join(', ')
  const why = state === 'budget' ? 'batch: the next row could pass --max-dollars; give more to go on.\n' : ''
  const isKept = ledger !== undefined && (state !== 'finished' || failed > 0)
  const again =
    state === 'finished'
      ? `${counted(failed, 'row', 'rows')} failed; the same command with --resume asks them again.\n`
      : GO_ON
  return `${done}\n${costLine('batch', summary)}${why}${isKept ? `batch: ${again}` : ''}`
}

function record({ input, output }: BatchOptions, policy: string, summary: CallBatchSummary) {
  const { format, state, rows, byModel, failed, rejected, rejectedFile, ledger, ...costs } = summary
  const { answeredHere, retries, cost, inputTokens, outputTokens, baselines } = costs
  return {
    ...{ version: 1, input, output, format, state, policy, rows, byModel, failed, rejected },
    rejectedFile: rejected > 0 ? rejectedFile : null,
    ...{ ledger, answeredHere, retries, inputTokens, outputTokens, cost, baselines },
  }
}
