import type { Command } from 'commander'
import { loggedArms } from '../../evaluation/logged_arms.ts'
import { readFeedback } from '../../io/feedback.ts'
import { readDecisionLog } from '../../io/read_decision_log.ts'
import { replayDecisions } from '../../io/replay_log.ts'
import { compareReplay } from '../../routing/replay.ts'
import { replayQuality } from '../../routing/replay_quality.ts'
import { addDecisionOptions, addPolicyOptions, type DecisionFlags, routerOptions } from '../options.ts'
import { createColors } from '../output/color.ts'
import { toPrettyJson } from '../output/json.ts'
import { type ReplayReport, renderReplay, replayDocument } from '../output/replay_report.ts'

interface Flags extends DecisionFlags {
  requests?: string
  promptColumn?: string
  feedback?: string
  json?: boolean
}

const EXAMPLES = `
Examples:
  llmroute replay decisions.jsonl --strong-pct 20%
  llmroute replay decisions.jsonl --threshold 0.6 --feedback feedback.csv
  llmroute replay decisions.jsonl --policy round_robin --models gpt-4o,gpt-4o-mini
  llmroute replay decisions.jsonl --policy best_value --policy-option lambda=50 --requests requests.csv
  llmroute replay decisions.jsonl --strategy mf --checkpoint mine.safetensors --requests requests.csv --json

Shows what another policy would have done with the traffic of a log that route or batch --log has written: shares of the models,
and dollars by the prices of llmroute.yaml (tokens of the prompt, mean tokens of each model's answers in the log, else
output_tokens). Another threshold is applied to the win rates of the log. What reads prompts needs their text: log it with
--log-prompts, or name the file that holds the prompts with --requests, which is joined by hash. Policies that go by load see a
simulated one: requests at the times of the log, latencies of its answers, else 500 ms to 2 s.

--feedback is a CSV, TSV or JSONL with columns id (as in the log) and score (0 to 1). It says what the models earned that did
answer; of the other policy it can only say what the requests earned on which it would have chosen the same model.

Of a log that policy ab wrote, the arms are compared with the largest of them: requests, mean quality by feedback and mean cost of
the answers, the difference with its 95 % interval (by keys, of which each arm needs 20), and a verdict.

A line of the log: { "time", "id", "promptHash" (first 32 hexadecimal digits of the SHA-256 of the prompt), "prompt", "turns", "user",
"priority", "metadata" (these five with --log-prompts), "key", "inputTokens", "needs", then the Decision as route --json prints it,
and "answer": { "model", "inputTokens", "outputTokens", "cost", "latency" } where the model was called }.

--json prints { "version", "file", "policy", "threshold", "requests", "skipped" (lines that are no decisions), "unread" (requests
without text), "was": { "shares", "cost", "costPer1000", "paid", "answered" }, "would": { "shares", "cost", "costPer1000" },
"changed", "refused", "quality": { "scored", "was": SCORE, "byModel": { MODEL: SCORE }, "same": SCORE } or null, "arms": { "quality":
[ARM], "cost": [ARM] } or null, "notes" }, where SCORE is { "requests", "mean", "low", "high" }, ARM is { "model", "requests", "keys",
"mean", "difference": { "value", "low", "high" } or null, "verdict" }, costs are US dollars and null where a price or length is not known.`

/** `llmroute replay <log>`. */
export function define(command: Command): void {
  addPolicyOptions(addDecisionOptions(command.argument('<log>', 'a decision log: what --log of route and batch wrote')))
    .option('--requests <file>', 'file that holds the prompts of the log; joined by hash')
    .option('--prompt-column <name>', 'its column or key of the prompt (default: prompt)')
    .option('--feedback <file>', 'what requests earned: columns id and score')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(file: string, flags: Flags): Promise<void> {
  const { requests, promptColumn, feedback } = flags
  const router = await routerOptions(flags)
  const { decisions, skipped } = await readDecisionLog(file)
  const scores = feedback === undefined ? undefined : await readFeedback(feedback)
  const run = await replayDecisions(decisions, file, {
    router,
    ...(requests === undefined ? {} : { requests }),
    ...(promptColumn === undefined ? {} : { promptColumn }),
  })
  const arms = loggedArms(decisions, scores)
  const report: ReplayReport = {
    file,
    run,
    skipped,
    ...(arms ? { arms } : {}),
    comparison: compareReplay(run.replayed, run.models),
    ...(scores ? { quality: replayQuality(run.replayed, scores) } : {}),
  }
  process.stdout.write(
    flags.json ? toPrettyJson(replayDocument(report)) : renderReplay(report, createColors(process.stdout)),
  )
}
