import type { Command } from 'commander'
import { addCallingOptions, type CallFlags, parseDollars, parseIds } from '../call_flags.ts'
import type { ScorerFlags } from '../label_scorer.ts'
import { parseCount, parseSeed } from '../options.ts'

/** Flags of `label`. */
export interface LabelFlags extends CallFlags, ScorerFlags {
  output: string
  models?: readonly string[]
  strong?: string
  weak?: string
  n?: number
  seed: number
  resume?: boolean
  promptColumn?: string
  scorerFile?: string
  config?: string
  json?: boolean
}

const EXAMPLES = `
Examples:
  llmroute label questions.csv -o outcomes.csv --reference answer --score numeric
  llmroute label questions.csv -o outcomes.csv --reference pattern --score regex --models a,b,c --n 500
  llmroute label prompts.csv -o outcomes.csv --judge gpt-4o --n 300 --max-dollars 5
  llmroute label tasks.csv -o outcomes.csv --command 'python3 check.py --strict'

Calls models on a sample of prompts, scores their answers, and writes a wide outcome file (id, category, prompt, score:MODEL,
cost:MODEL) that train and eval take. Models: --models, else the pair, else all of llmroute.yaml.

Scores from 0 to 1:
  --reference COLUMN  holds right answers, which --score compares: exact (default; what both come to: the last \\boxed{}, ####, or
                      "answer is", else the whole; choices by letter, numbers by value, case and punctuation aside), numeric (final
                      numbers equal to 1e-6), contains (the reference stands in the answer), regex (the reference is a pattern, RE2)
  --command PROGRAM   gets { "id", "model", "prompt", "answer", "reference" } as JSON on standard input, once per answer, and prints
                      a number; started without a shell
  --judge MODEL       compares every two answers in both orders; a tie, and orders that disagree, count one half. With --reference it
                      is shown the right answer. Rows whose verdict is neither A, B nor tie are left out and told: --resume
                      asks the judge again, the exit code is 1

Every answer is in OUT.ledger.jsonl before anything is made of it: after any end --resume goes on without asking again, also with
another --n or --max-dollars. At --max-dollars the rows done so far are written. An answer that did not come leaves its cells
empty; the exit code is 1 then.

--scorer-file writes what a cascade's scorer is trained on: "prompt" holds prompt and answer, score:right the score. Then
llmroute train FILE -o scorer.safetensors --strong right --weak wrong; cascade: { accept: scorer, checkpoint: scorer.safetensors }.

--json prints { "version", "input", "output", "state" ("finished", "stopped", "budget"), "rows", "asked", "failed" (calls, and rows
without a verdict), "spent", "models": [{ "model", "rows", "score" (mean), "cost" }] }.`

/** `llmroute label <file>`. */
export function define(command: Command): void {
  addCallingOptions(
    command
      .argument('<file>', 'CSV, TSV or JSONL with prompts, also gzipped')
      .requiredOption('-o, --output <file>', 'where the outcomes go')
      .option('--models <ids>', 'models to call: a,b,c', text => parseIds(text, '--models'))
      .option('--strong <model>', 'id of the strong model')
      .option('--weak <model>', 'id of the weak model')
      .option('--reference <column>', 'column of right answers')
      .option('--score <method>', 'exact, numeric, contains or regex')
      .option('--command <program>', 'program that scores an answer')
      .option('--judge <model>', 'model that compares answers')
      .option('--n <rows>', 'rows of the sample (default: all)', text => parseCount(text, '--n', 1))
      .option('--seed <n>', 'seed of the sample', parseSeed, 0)
      .option('--max-dollars <dollars>', 'stop before more is spent, earlier runs included', text =>
        parseDollars(text, '--max-dollars'),
      )
      .option('--resume', 'go on from where an earlier run stopped')
      .option('--prompt-column <name>', 'column of the prompt (default: prompt)')
      .option('--scorer-file <file>', 'write what a scorer of answers is trained on, too')
      .option('--config <file>', 'configuration (default: llmroute.yaml, looked for upwards)'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(file: string, flags: LabelFlags): Promise<void> {
  const { labelFile } = await import('../label_run.ts')
  await labelFile(file, flags)
}
