import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { createRouter } from '../../io/router.ts'
import type { Decision } from '../../types.ts'
import { addCallOptions, type CallFlags, isCalling, requireCall, withEnsemble } from '../call_flags.ts'
import { logDecision } from '../log_decision.ts'
import { addDecisionOptions, addLogOptions, addPolicyOptions, type DecisionFlags, routerOptions } from '../options.ts'
import { explanation } from '../output/explanation.ts'
import { toJson } from '../output/json.ts'
import { addRequestOptions, type RequestFlags, requestOf } from '../request_options.ts'

interface Flags extends DecisionFlags, RequestFlags, CallFlags {
  explain?: boolean
  json?: boolean
}

const EXAMPLES = `
Examples:
  llmroute route "Prove that the square root of 2 is irrational"
  git diff | llmroute route --strong-pct 20%
  llmroute route "hi" --strong gpt-4o --weak gpt-4o-mini --explain
  llmroute route "hi" --policy consistent_hash --models a,b,c --key user-17
  llmroute route "hi" --log decisions.jsonl --field id=r17
  llmroute route "hi" --json
  llmroute route --call "Why is the sky blue?" --system "Answer in one sentence."
  llmroute route --call --dry-run "Why is the sky blue?"

Prints the id of the chosen model and nothing else; --json prints the Decision:
  { "model", "models", "plan" ("single", "all", "until_accepted"), "policy", "strategy", "winRate", "threshold", "cost",
    "alternatives": [{ "model", "score", "cost", "reason" }], "reasons": [{ "kind", "name", "weight" }] (with --explain) }
What a policy does not have is left out. With --log an "id" comes first, by which feedback names the request: the field id
(--field id=...), else a new one. The lines of the log: llmroute replay --help.

--call sends the prompt to the chosen model as llmroute.yaml says (llmroute init writes one) and prints the answer as it comes;
model, tokens and dollars go to standard error. --json prints the Decision with "answer": { "model", "text", "finishReason",
"usage": { "inputTokens", "outputTokens", "isEstimated" }, "cost" (null: a price is not known), "latency" (ms), "attempts":
[{ "model", "status", "failure", "latency" }], "isCached", "how", "calls" }. Policies ensemble and cascade ask several models:
their answer is printed at the end, "calls" has what each said. Keys come from the environment and are never shown.`

/** `llmroute route [prompt]`. */
export function define(command: Command): void {
  command.argument('[prompt]', 'the prompt; without it, the whole of standard input')
  addCallOptions(addLogOptions(addRequestOptions(addPolicyOptions(addDecisionOptions(command)))))
    .option('-e, --explain', 'say after the id what moved the decision')
    .option('--json', 'print the decision as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(argument: string | undefined, asGiven: Flags): Promise<void> {
  requireCall(asGiven)
  const flags = await withEnsemble(asGiven)
  const prompt = argument ?? (await readStandardInput())
  if (isCalling(flags)) {
    const { routeAndCall } = await import('../route_call.ts')
    return routeAndCall(prompt, flags)
  }
  const router = await createRouter(await routerOptions(flags))
  for (const note of router.notes) process.stderr.write(`${note}\n`)
  const request = requestOf(prompt, flags)
  const [decided] = (await router.decide([request])) as [Decision]
  const id = await logDecision(router, request, decided)
  const { reasons: given = [], ...decision } = { ...(id === undefined ? {} : { id }), ...decided }
  const reasons = flags.explain ? [...given, ...(await router.explain(prompt))] : undefined
  if (flags.json) process.stdout.write(toJson(reasons ? { ...decision, reasons } : decision))
  else process.stdout.write(`${decision.model}\n${reasons ? explanation(decision, reasons) : ''}`)
}

async function readStandardInput(): Promise<string> {
  if (process.stdin.isTTY) {
    throw new UsageError(
      'route: expected a prompt as argument or on standard input, got neither. Try llmroute route "your prompt".',
    )
  }
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  // The newline that echo and editors add is not part of the prompt.
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}
