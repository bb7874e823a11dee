import { resolve } from 'node:path'
import type { Command } from 'commander'
import { embedders } from '../../embedders/registry.ts'
import { UsageError } from '../../errors.ts'
import { type TrainingOptions, trainStrategy } from '../../evaluation/training.ts'
import { figuresOf } from '../../evaluation/worth.ts'
import { defaultStrategy, resolveDataset } from '../../io/catalog.ts'
import { writeCheckpoint } from '../../io/checkpoint.ts'
import { notTrained } from '../../io/eval_entrants.ts'
import { type OutcomesOptions, readOutcomes } from '../../io/outcomes.ts'
import { createResources } from '../../io/resources.ts'
import { requireWritable } from '../../io/write_whole.ts'
import { lookUp } from '../../registry.ts'
import { strategies } from '../../strategies/registry.ts'
import type { Checkpoint, Resources, StrategyModule } from '../../types.ts'
import { goOffline, OFFLINE, parseCount, parseSeed } from '../options.ts'
import { toPrettyJson } from '../output/json.ts'
import { createProgress } from '../output/progress.ts'
import { measureTraining, renderTraining, type TrainingReport } from '../output/train_report.ts'
import { checkLogFlags, type LogFlags, trainFromLog } from '../train_from_log.ts'
import { checkpointToReplace, reasonToKeep } from '../train_guard.ts'
import { trainPolicy } from '../train_policy.ts'

interface Flags extends LogFlags {
  policy?: string
  strategy?: string
  output?: string
  strong?: string
  weak?: string
  embedder?: string
  folds: number
  resamples: number
  seed: number
  keepPrompts?: boolean
  force?: boolean
  skipBad?: boolean
  promptColumn?: string
  json?: boolean
}

const EXAMPLES = `
Examples:
  llmroute train outcomes.csv -o mine.safetensors
  llmroute train outcomes.csv --strategy knn --keep-prompts -o knn.safetensors
  llmroute train outcomes.csv --strategy knn --embedder transformers:Xenova/all-MiniLM-L6-v2@q8 -o knn.safetensors
  llmroute train march.csv april.csv --strong gpt-4o --weak gpt-4o-mini -o mine.safetensors
  llmroute train battles.csv --strategy mf --strong gpt-4 --weak mixtral -o mf.safetensors
  llmroute train --from-log decisions.jsonl --feedback feedback.csv --requests requests.csv --strategy knn -o own.safetensors
  llmroute train chosen.csv --policy learned -o learned.safetensors

Then: llmroute route "..." --checkpoint mine.safetensors; llmroute calibrate --checkpoint mine.safetensors --strong-pct 30%
Without -o the report is printed and nothing is saved. Forms of outcome files: llmroute eval --help.

An existing file at -o is replaced by better weights only: where the new ones beat neither length nor the better single model
with 95% confidence, and those in the file do by the figures that they store (cross-validation on what they were trained on,
the same files or not), the file is kept, and the exit code is 1. A file that train has not made is never replaced: exit code
2, before training. --force replaces both.

--json prints { "version", "strategy", "pair", "folds", "seed", "skipped", "files": [{ "name", "pair", "rows", "quality",
"strategies": [as in eval --json] }], "overall": { "id", "sets", "apgr", "apgrLow", "apgrHigh", "beatsRandom", "minusLength",
"minusLengthLow", "minusLengthHigh", "beatsLength", "beatsSingleModel" }, "checkpoint": { "file", "sha256" } or null, "kept":
the file that was not replaced, or null }, with --from-log also "notes". "overall" is the mean over the files that have a gap, each counting alike;
"beatsSingleModel" is true where some share of the prompts of one file earns more than its better model, with confidence.

--policy learned takes files with columns prompt and model (or label): the model to choose, two or more different ones. It prints
how often each is chosen for its prompts by cross-validation, and with --json { "version", "policy", "folds", "seed", "prompts",
"skipped", "files": [{ "name", "rows", "sha256" }], "accuracy", "macroAccuracy", "baseline": { "accuracy", "macroAccuracy" },
"models": [{ "model", "prompts", "recall", "f1" }], "checkpoint": { "file", "sha256" } or null }. The baseline always chooses the
most frequent model; macro accuracy is the mean over the models of the share of their prompts that they were given.

--from-log joins a decision log (llmroute replay --help shows its lines) with --feedback, a file with columns id and score (0 to
1), by id. Prompts must be in the log (--log-prompts) or in --requests. A request tells what one model earned; what another would
have earned is filled in by ridge regression on the requests that this one answered, so each model of the pair needs 50 scored
requests, and more are better. Prompts answered by several models count with all of their scores. Where requests went to a model
because of their prompt (policy threshold, best_value, rules), what the other would have earned is extrapolated: the weights may
then repeat the mistakes of those that routed, and no figures are shown. Sending a share at random (policy ab) mends both: figures
are then doubly robust estimates on the requests that were sent at random. "overall" is null where there are none.`

/** `llmroute train <file...>`. */
export function define(command: Command): void {
  command
    .argument('[files...]', 'outcome files, or ids of shipped data sets; several get an intercept each')
    .option('-s, --strategy <id>', `what to train (default: ${defaultStrategy})`)
    .option('--policy <id>', 'train a policy instead: learned, from files with columns prompt and model')
    .option('-o, --output <file>', 'where the checkpoint goes, such as mine.safetensors')
    .option('--strong <model>', 'id of the strong model')
    .option('--weak <model>', 'id of the weak model')
    .option('--embedder <id>', 'embedder of strategies that use one (llmroute list embedders)')
    .option('--from-log <file>', 'learn from a decision log (route and batch --log) and --feedback')
    .option('--feedback <file>', 'what requests of the log earned: columns id and score')
    .option('--requests <file>', 'file that holds the prompts of the log; joined by hash')
    .option(...OFFLINE)
    .on('option:offline', goOffline)
    .option('--folds <n>', 'folds of the report', text => parseCount(text, '--folds', 2), 5)
    .option('--resamples <n>', 'bootstrap resamples of the report', text => parseCount(text, '--resamples', 1), 1000)
    .option('--seed <n>', 'seed of folds, fit and resamples', parseSeed, 0)
    .option('--force', 'replace the file at -o whatever it holds')
    .option('--keep-prompts', 'store the text of prompts, so that route --explain can quote neighbours')
    .option('--skip-bad', 'leave bad rows out and count them')
    .option('--prompt-column <name>', 'column that holds the prompt (default prompt)')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(files: string[], flags: Flags): Promise<void> {
  if (flags.policy !== undefined) return trainPolicy(flags.policy, files, flags)
  const {
    strategy: id = defaultStrategy,
    output,
    embedder,
    folds,
    resamples,
    seed,
    keepPrompts = false,
    force = false,
  } = flags
  const module = await lookUp(strategies, id, 'strategy').load()
  const { fit, recipe } = module
  checkLogFlags(files, flags)
  if (recipe !== undefined) throw notTrained(id, recipe)
  if (!fit) throw new UsageError(`--strategy: expected one that learns, got ${id}, which has nothing to learn.`)
  if (embedder !== undefined) lookUp(embedders, embedder.split(':')[0]!, 'embedder')
  if (output !== undefined) await requireWritable(output, '--output')
  const existing = output === undefined || force ? undefined : await checkpointToReplace(output)
  const resources = createResources({ seed, keepPrompts, ...(embedder === undefined ? {} : { embedder }) })
  const progress = createProgress(`train ${id}`, folds + 1)
  const options = {
    ...{ folds, seed, resamples, date: new Date().toISOString().slice(0, 10) },
    onProgress: (done: number) => progress.update(done),
  }
  const learning = { ...module, fit }
  const trained = await (flags.fromLog === undefined
    ? trainFromFiles(id, learning, files, flags, resources, options)
    : trainFromLog(id, learning, flags, resources, options)
  ).finally(() => progress.stop())
  const { report, skipped = 0, notes = [] }: Trained = trained
  if (!flags.json && report) process.stdout.write(renderTraining(id, folds, report))
  for (const note of notes) process.stderr.write(`${note}\n`)
  const checkpoint = report ? withFigures(trained.checkpoint, report) : trained.checkpoint
  const reason = existing && reasonToKeep(existing, checkpoint.metadata)
  const saved =
    output === undefined || reason ? null : { file: output, sha256: await writeCheckpoint(output, checkpoint) }
  if (flags.json) {
    const { pair } = checkpoint.metadata
    const files = report?.files.map(({ source: _, ...figures }) => figures) ?? []
    const kept = reason ? existing.file : null
    process.stdout.write(
      toPrettyJson({
        ...{ version: 1, strategy: id, pair, folds, seed, skipped, files },
        ...{
          overall: report?.overall ?? null,
          checkpoint: saved,
          kept,
          ...(flags.fromLog === undefined ? {} : { notes }),
        },
      }),
    )
  }
  if (reason) {
    process.stderr.write(`${reason}\n`)
    process.exitCode = 1
  } else if (saved) process.stderr.write(nextStep(saved.file, checkpoint))
  else process.stderr.write('Nothing saved: name a file with -o, such as -o mine.safetensors.\n')
}

/** What training gives, from wherever. */
interface Trained {
  readonly checkpoint: Checkpoint
  readonly report: TrainingReport | undefined
  readonly skipped?: number
  readonly notes?: readonly string[]
}

async function trainFromFiles(
  id: string,
  module: StrategyModule & Required<Pick<StrategyModule, 'fit'>>,
  files: readonly string[],
  flags: Flags,
  resources: Resources,
  options: TrainingOptions & { readonly resamples: number },
): Promise<Trained> {
  const { outcomes, skipped } = await readOutcomes(files.map(resolveDataset), readOptions(flags))
  if (skipped > 0) process.stderr.write(`${skipped} bad rows left out (--skip-bad).\n`)
  const { checkpoint, winRates } = await trainStrategy(module, outcomes, resources, options)
  return { checkpoint, report: await measureTraining(id, outcomes, winRates, options), skipped }
}

function readOptions({ strong, weak, skipBad, promptColumn }: Flags): OutcomesOptions {
  return {
    ...(strong === undefined ? {} : { strong }),
    ...(weak === undefined ? {} : { weak }),
    ...(skipBad ? { skipBad } : {}),
    ...(promptColumn === undefined ? {} : { promptColumn }),
  }
}

/** Notes in the checkpoint how it did, on each of its files and on all: what `list checkpoints` shows and the guard reads. */
function withFigures(checkpoint: Checkpoint, { files, overall }: TrainingReport): Checkpoint {
  const trainedOn = checkpoint.metadata.trainedOn.map((file, index) => {
    const measured = files.find(({ source }) => source === index)?.strategies.at(-1)
    return measured ? { ...file, ...figuresOf(measured) } : file
  })
  const measured = { ...figuresOf(overall), beatsSingleModel: overall.beatsSingleModel }
  return { ...checkpoint, metadata: { ...checkpoint.metadata, trainedOn, measured } }
}

function nextStep(file: string, { metadata: { pair } }: Checkpoint): string {
  const names = pair.strong === 'strong' && pair.weak === 'weak' ? ' Name the pair with --strong and --weak.' : ''
  return `Saved ${resolve(file)}, which routes between ${pair.strong} and ${pair.weak}.${names}\nNext: llmroute calibrate -c ${file} --strong-pct 30% --data YOUR_PROMPTS --save\n`
}
