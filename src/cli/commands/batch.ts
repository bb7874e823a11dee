import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { type BatchSummary, routeBatch } from '../../io/batch.ts'
import type { BatchOptions } from '../../io/batch_options.ts'
import { STDIN } from '../../io/byte_source.ts'
import { resolveDataset } from '../../io/catalog.ts'
import { parseFormat } from '../../io/formats.ts'
import { GO_ON, stopSignal, writeOut } from '../batch_process.ts'
import { addCallOptions, type CallFlags, isCalling, parseDollars, requireCall, withEnsemble } from '../call_flags.ts'
import {
  addDecisionOptions,
  addLogOptions,
  addPolicyOptions,
  type DecisionFlags,
  parseCount,
  routerOptions,
} from '../options.ts'
import { toJson } from '../output/json.ts'
import { createProgress, type Progress } from '../output/progress.ts'

interface Flags extends DecisionFlags, CallFlags {
  output?: string
  format?: BatchOptions['format']
  promptColumn?: string
  rejected?: string
  strict?: boolean
  resume?: boolean
  workers?: number
  maxField?: number
  json?: boolean
}

const EXAMPLES = `
Examples:
  llmroute batch requests.csv -o routed.csv
  llmroute batch requests.jsonl.gz -o routed.jsonl.gz --strong-pct 20%
  llmroute batch requests.csv -o routed.csv --resume
  llmroute batch requests.jsonl -o routed.jsonl --policy round_robin --models a,b,c
  zcat prompts.txt.gz | llmroute batch - > routed.txt
  llmroute batch requests.csv -o answers.csv --call --max-concurrency 64 --max-dollars 5

Adds llmroute_model, llmroute_win_rate and llmroute_threshold to every row: columns in CSV and TSV, keys in JSONL, three
values after tabs in plain lines. Every other field keeps its value; the order is kept. JSONL rows need the prompt column
or "messages", of which the last user turn is routed. An empty line is an empty prompt in plain lines and in CSV or TSV of
one column; elsewhere blank lines are left out. The output is gzipped where its own name ends with .gz.

Rows that cannot be routed go to the rejected file, a CSV of line, reason and raw, and the exit code is 1. There raw holds
the row's own bytes: where the reason is "invalid UTF-8" (or a long row was cut), it is not UTF-8 either. On standard error
such bytes show as U+FFFD and long rows are cut. A file that batch did not write is not replaced by rejected rows.

A --policy other than threshold sees the whole row: the columns (keys) key, user and priority, and every other as metadata.
JSONL rows say what the model must be able to do: tools, images, a JSON schema, the longest answer. A row that no model can
serve is rejected with each model's reason. Columns (keys) needs.tags, such as "region:eu,fast", and needs.max_cost (dollars) count
with every policy; in JSONL also as "needs": { "tags": ["region:eu"], "max_cost": 0.01 }.

With --strong-pct, a share that these prompts clearly miss is said at the end.

A run that was stopped (Ctrl-C, kill, a full disk) goes on with the same command and --resume; what is done is kept in
OUT.partial and OUT.resume.json.

--call sends every row to its model, many at a time, and adds llmroute_answer, llmroute_input_tokens, llmroute_output_tokens,
llmroute_cost (US dollars), llmroute_latency (ms) and llmroute_retries. llmroute_model is the model that answered. Of JSONL with
messages the whole conversation is sent, with the keys of a chat request beside it (tools, temperature, max_tokens …); in plain
lines the answer is a JSON string. Every call is in OUT.ledger.jsonl before it is made, and its answer after it. After any end
--resume goes on without asking again what was answered; what failed is asked again. Rows without an answer go to the rejected
file. At the end it says what the answers cost, and what they would have cost at one model for all (mean lengths × prices).

--json prints one Decision a line ({ "line", "model", "models", "plan", "policy", "strategy", "winRate", "threshold",
"alternatives" }) instead of the rows; with -o it leaves the file as it is and prints one summary: { "version", "input",
"output", "format", "state" ("finished", "unchanged", "stopped"), "rows", "byModel": { model: rows }, "strongShare", "rejected",
"rejectedFile", "policy", "strategy", "threshold", "pair": { "strong", "weak" } }; what a policy does not have is null.
With --call the lines have "answer": { "model", "text", "inputTokens", "outputTokens", "cost", "latency", "retries", "isCached" }, the
summary "failed", "ledger", "answeredHere", "retries", "inputTokens", "outputTokens", "cost" and "baselines": [{ "name", "model",
"cost" }], and "state" may be "budget".`

const MOST_WORKERS = 64

/** `llmroute batch <file|->`. */
export function define(command: Command): void {
  addLogOptions(
    addPolicyOptions(
      addDecisionOptions(
        command
          .argument('<file>', 'CSV, TSV, JSONL or plain lines, also gzipped; - for standard input')
          .option('-o, --output <file>', 'where the rows go, once complete (default: standard output)', parseOutput)
          .option(
            '--format <format>',
            'csv, tsv, jsonl or lines (default: by name, else by the first line)',
            parseFormat,
          )
          .option('--prompt-column <name>', 'column or key of the prompt (default: prompt)')
          .option('--rejected <file>', 'where bad rows go (default: OUT.rejected.csv; without -o standard error)')
          .option('--strict', 'stop at the first bad row with exit code 2')
          .option('--resume', 'go on from where an earlier run stopped')
          .option('--workers <n>', 'threads; 0 for none (default: one per core, for large inputs)', parseWorkers)
          .option('--max-field <bytes>', 'longest field, or line of JSONL or text (default: 8388608)', parseMaxField),
      ),
    ),
  )
  addCallOptions(command)
    .option('--max-dollars <dollars>', 'with --call: stop, to be resumed, before the output costs more', text =>
      parseDollars(text, '--max-dollars'),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

function parseOutput(text: string): string | undefined {
  return text === STDIN ? undefined : text
}

function parseWorkers(text: string): number {
  const workers = parseCount(text, '--workers', 0)
  if (workers > MOST_WORKERS) throw new UsageError(`--workers: expected up to ${MOST_WORKERS}, got ${workers}.`)
  return workers
}

function parseMaxField(text: string): number {
  return parseCount(text, '--max-field', 1)
}

async function run(file: string, given: Flags): Promise<void> {
  requireCall(given)
  const flags = await withEnsemble(given)
  if (isCalling(flags)) {
    const { callBatchFile } = await import('../batch_call.ts')
    return callBatchFile(await optionsOf(file, flags), flags)
  }
  const { signal, exitCode } = stopSignal()
  const started = performance.now()
  const rate = (rows: number) => `${count(rows / Math.max(1e-3, (performance.now() - started) / 1000))} rows/s`
  const isDrawn = flags.output !== undefined || !process.stdout.isTTY
  let progress: Progress | undefined
  let summary: BatchSummary
  try {
    summary = await routeBatch(await optionsOf(file, flags), {
      write: writeOut,
      signal,
      onNote(note) {
        process.stderr.write(`${note}\n`)
      },
      onReject(line) {
        progress?.stop()
        process.stderr.write(line)
      },
      onProgress({ rows, rowsHere, bytesRead, size }) {
        if (isDrawn) progress ??= createProgress('batch', size)
        progress?.update(bytesRead, `${count(rows)} rows, ${rate(rowsHere)}`)
      },
      onKept() {
        progress?.stop()
        process.stderr.write(`batch: ${GO_ON}`)
      },
    })
  } catch (error) {
    // Nothing of the input was there yet; reading it would hold the process.
    if (signal.aborted && error === signal.reason) process.exit(exitCode())
    throw error
  } finally {
    progress?.stop()
  }
  process.stderr.write(sentence(summary, rate(summary.rowsHere), flags.strongPct))
  if (flags.json && flags.output !== undefined) process.stdout.write(toJson(record(file, flags.output, summary)))
  // Standard input may still be open, and would hold a stopped process.
  if (summary.state === 'stopped') process.exit(exitCode())
  if (summary.rejected > 0 && summary.state === 'finished') process.exitCode = 1
}

async function optionsOf(file: string, flags: Flags): Promise<BatchOptions> {
  const { output, format, promptColumn, rejected, workers, maxField } = flags
  return {
    input: file === STDIN ? file : resolveDataset(file),
    router: await routerOptions(flags),
    output,
    rejected,
    format,
    promptColumn,
    maxField,
    workers,
    isResumed: flags.resume === true,
    isStrict: flags.strict === true,
    asDecisions: flags.json === true,
  }
}

function sentence(summary: BatchSummary, rate: string, asked: number | undefined): string {
  const { state, rows, rejected, rejectedFile, isResumable } = summary
  if (state === 'unchanged') return 'batch: nothing to do; an earlier run has finished this output.\n'
  const share = rows > 0 ? `, ${sharesOf(summary)}` : ''
  const bad = rejected > 0 ? `, ${count(rejected)} rejected${rejectedFile ? ` (${rejectedFile})` : ''}` : ''
  const done = `batch: ${state === 'stopped' ? 'stopped after ' : ''}${count(rows)} rows${share}${bad}, ${rate}\n`
  return state === 'stopped' && isResumable
    ? `${done}batch: ${GO_ON}`
    : done + missed(strongShareOf(summary), rows, asked)
}

/** Of a pair the strong model's share, else every model's, the largest first. */
function sharesOf({ rows, byModel, pair }: BatchSummary): string {
  const shares = Object.entries(byModel).sort(([, a], [, b]) => b - a)
  const shown = pair ? [[pair.strong.id, byModel[pair.strong.id] ?? 0] as const] : shares
  return shown.map(([model, count]) => `${((100 * count) / rows).toFixed(1)} % to ${model}`).join(', ')
}

/** Undefined where there is no pair, or nothing was routed. */
function strongShareOf({ rows, byModel, pair }: BatchSummary): number | undefined {
  return pair && rows > 0 ? (byModel[pair.strong.id] ?? 0) / rows : undefined
}

/** A share looked up in somebody else's win rates is another on this traffic; said where it cannot be chance. */
function missed(share: number | undefined, rows: number, asked: number | undefined): string {
  if (
    asked === undefined ||
    share === undefined ||
    Math.abs(share - asked) < 0.02 + 2 * Math.sqrt((asked * (1 - asked)) / rows)
  )
    return ''
  const target = `${(100 * asked).toFixed(1)} %`
  return `batch: ${target} was asked for; these prompts are not those the weights were trained on. llmroute calibrate --strong-pct ${asked} --data FILE finds the threshold for them.\n`
}

function record(input: string, output: string, summary: BatchSummary) {
  const { format, state, rows, byModel, rejected, rejectedFile, policy, strategy, threshold, pair } = summary
  return {
    version: 1,
    input,
    output,
    format,
    state,
    rows,
    byModel,
    strongShare: strongShareOf(summary) ?? null,
    rejected,
    rejectedFile: rejected > 0 ? rejectedFile : null,
    policy,
    strategy: strategy ?? null,
    threshold: threshold ?? null,
    pair: pair ? { strong: pair.strong.id, weak: pair.weak.id } : null,
  }
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
