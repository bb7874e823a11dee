import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { createRouter } from '../../io/router.ts'
import { isStrong } from '../../policies/threshold.ts'
import type { Decision, Reason } from '../../types.ts'
import { addDecisionOptions, type DecisionFlags, routerOptions } from '../options.ts'
import { toJson } from '../output/json.ts'

interface Flags extends DecisionFlags {
  explain?: boolean
  json?: boolean
}

const EXAMPLES = `
Examples:
  llmroute route "Prove that the square root of 2 is irrational"
  git diff | llmroute route --strong-pct 20%
  llmroute route "hi" --strong gpt-4o --weak gpt-4o-mini --explain
  llmroute route "hi" --json

Prints the id of the chosen model and nothing else; --json prints the Decision:
  { "model", "models", "plan", "policy", "strategy", "winRate", "threshold", "alternatives", "reasons" (with --explain) }`

/** `llmroute route [prompt]`. */
export function define(command: Command): void {
  addDecisionOptions(command.argument('[prompt]', 'the prompt; without it, the whole of standard input'))
    .option('-e, --explain', 'say after the id what moved the decision')
    .option('--json', 'print the decision as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(argument: string | undefined, flags: Flags): Promise<void> {
  const prompt = argument ?? (await readStandardInput())
  const router = await createRouter(routerOptions(flags))
  for (const note of router.notes) process.stderr.write(`${note}\n`)
  const [decision] = await router.decide([prompt])
  const reasons = flags.explain ? await router.explain(prompt) : undefined
  if (flags.json) process.stdout.write(toJson(reasons ? { ...decision!, reasons } : decision!))
  else process.stdout.write(`${decision!.model}\n${reasons ? explanation(decision!, reasons) : ''}`)
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

function explanation(
  { strategy, winRate, threshold, model, alternatives }: Decision,
  reasons: readonly Reason[],
): string {
  const sign = isStrong(winRate!, threshold!) ? '>=' : '<'
  const head = `${strategy}: win rate ${winRate!.toFixed(4)} ${sign} threshold ${threshold!.toFixed(4)}: ${model}, not ${alternatives?.map(other => other.model).join(', ')}`
  const lines = reasons.map(({ kind, name, weight, category, text }) => {
    const about = [category && `(${category})`, text && JSON.stringify(text.slice(0, 80))].filter(Boolean).join(' ')
    return `  ${weight < 0 ? '-' : '+'}${Math.abs(weight).toFixed(4)}  ${kind} ${name}${about ? ` ${about}` : ''}`
  })
  return `${[head, ...lines].join('\n')}\n`
}
