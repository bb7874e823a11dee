import { basename } from 'node:path'
import type { Command } from 'commander'
import { embedders } from '../../embedders/registry.ts'
import { UsageError } from '../../errors.ts'
import { tableOrder } from '../../evaluation/evaluate.ts'
import type { GroupBy } from '../../evaluation/groups.ts'
import { type EvalOptions, planEvaluation } from '../../io/eval_plan.ts'
import { requireWritable, writeWhole } from '../../io/write_whole.ts'
import { didYouMean, lookUp, printable } from '../../registry.ts'
import { type EvalReport, runStages } from '../eval_run.ts'
import { parseCount, parseSeed } from '../options.ts'
import { createColors } from '../output/color.ts'
import { evalCsv, evalDocument, plotSeries } from '../output/eval_data.ts'
import { pairNames, renderHead, renderReport } from '../output/eval_report.ts'
import { watchLive, watchQuietly } from '../output/eval_watcher.ts'
import { toPrettyJson } from '../output/json.ts'
import { fixed, grouped } from '../output/numbers.ts'
import { renderSvg } from '../output/svg.ts'

interface Flags {
  strategies?: string
  checkpoint: string[]
  strong?: string
  weak?: string
  cv?: number
  groupBy?: GroupBy
  trainSize: number[]
  draws?: number
  trainOn?: string[]
  by?: GroupBy
  embedder?: string
  seed: number
  resamples: number
  minApgr?: number
  allowSeen?: boolean
  skipBad?: boolean
  promptColumn?: string
  config?: string
  plot?: string
  csv?: boolean
  json?: boolean
}

const EXAMPLES = `
Examples:
  llmroute eval sample
  llmroute eval outcomes.csv --cv 5
  llmroute eval outcomes.csv --cv 5 --group-by category --strategies linear,knn
  llmroute eval outcomes.csv --train-size 500 --train-size 2000 --draws 5
  llmroute eval outcomes.csv --train-on other.csv
  llmroute eval outcomes.csv --checkpoint mine.safetensors --min-apgr 0.6 --plot curve.svg
  llmroute eval outcomes.csv --json

Forms of the file, told by its header:
  prompt, strong_score, weak_score                     a pair
  prompt, score:<model> ..., cost:<model> ...          many models; see --strong and --weak
  prompt, model_a, model_b, winner                     battles
  and optional id, category, win_rate:<name> (a foreign router's win rates, compared under that name).
  Scores are 0 to 1, costs US dollars for that prompt. CSV, TSV or JSONL, also gzipped.

random is the mean over 10 seeds; its interval is that of one. With --draws, APGR and its difference from length are means
over the draws; CPT, quality and costs are read from the mean of their curves; intervals are those of one draw.
Without --checkpoint, --strategies or training, the checkpoint of LLMROUTE_CHECKPOINT, else of llmroute.yaml, takes the place
of the shipped one of its strategy. With --by, an APGR whose gap may be none is "–" in the table; --json and --csv keep it.
Costs are those of the file, else estimated from prices in llmroute.yaml (or --config, or LLMROUTE_CONFIG).
Exit code 1 where --min-apgr is not reached.

--json prints { "version", "file", "form", "rows", "seen", "skipped", "default", "seed", "resamples", "folds", "trainSize",
"draws", "pair": { "strong", "weak" }, "quality": { "strong", "weak", "gapLow", "gapHigh" }, "strategies": [{ "id", "rows",
"apgr", "apgrLow", "apgrHigh", "cpt20", "cpt50", "cpt80", "quality50", "costPer1000", "beatsLength", "minusLength",
"minusLengthLow", "minusLengthHigh", "beatsSingleModel", "curve": [{ "threshold", "strongShare", "quality", "qualityLow",
"qualityHigh" }] }], "notes", "by": [{ "category", "rows", "quality", "strategies" }] (--by), "learningCurve":
[{ "trainSize", "quality", "strategies" }] (--train-size) }: shares, qualities and APGR are fractions; null is undefined or
never reached. "notes" holds the sentences that stand under the table: whether anything beats length and the better single
model, then what else there is to know.`

/** `llmroute eval <file>`. */
export function define(command: Command): void {
  command
    .argument('<file>', 'outcomes, or the id of a shipped data set (llmroute list datasets)')
    .option('-s, --strategies <ids>', 'strategies by comma, or default (default: every one that has weights)')
    .option(
      '-c, --checkpoint <file>',
      'weights for the strategy that they name; repeatable; without --strategies only the named are measured',
      collect,
      [],
    )
    .option('--strong <model>', 'id of the strong model (default: the highest mean score)')
    .option('--weak <model>', 'id of the weak model (default: the cheapest, else the lowest mean score)')
    .option('--cv <folds>', 'train and test by folds', text => parseCount(text, '--cv', 2))
    .option('--group-by <column>', 'keep whole categories on one side of every split', parseColumn('--group-by'))
    .option('--train-size <n>', 'train on n random rows, test on the rest; repeatable', collectSize, [])
    .option('--draws <n>', 'how often to draw them (default 1)', text => parseCount(text, '--draws', 1))
    .option('--train-on <files...>', 'train on other outcome files, test on this one')
    .option('--embedder <id>', 'embedder for training here (llmroute list embedders)')
    .option('--by <column>', 'also one line a category', parseColumn('--by'))
    .option('--seed <n>', 'seed of folds, draws, fits and resamples (default 0)', parseSeed, 0)
    .option('--resamples <n>', 'bootstrap resamples (default 1000)', text => parseCount(text, '--resamples', 1), 1000)
    .option(
      '--min-apgr <x>',
      'exit with 1 where the first of --strategies, else the configured or default, is below',
      parseApgr,
    )
    .option('--allow-seen', 'test prompts too that a checkpoint was trained on')
    .option('--skip-bad', 'leave bad rows out and count them')
    .option('--prompt-column <name>', 'column that holds the prompt (default prompt)')
    .option('--config <file>', 'configuration with prices (default: llmroute.yaml, looked for upwards)')
    .option('--plot <file>', 'write the curves as SVG')
    .option('--csv', 'print the table as CSV')
    .option('--json', 'print everything as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(file: string, flags: Flags): Promise<void> {
  const options = optionsOf(flags)
  if (flags.plot !== undefined) await requireWritable(flags.plot, '--plot')
  const plan = await planEvaluation(file, options)
  const { resamples, seed } = flags
  const colors = createColors(process.stdout)
  const method = methodOf(options, resamples)
  const isLive = process.stdout.isTTY && !process.env.CI && !flags.json && !flags.csv
  const order = tableOrder(plan.entrants)
  const stages = await runStages(plan, { resamples, seed, isByCategory: flags.by !== undefined }, async stage =>
    isLive ? watchLive(renderHead({ file, plan, method }, stage), order, colors) : watchQuietly(process.stderr),
  )
  const report: EvalReport = { file, plan, options, resamples, method, stages, notes: plan.notes }

  if (flags.plot !== undefined) await writeWhole(flags.plot, plotOf(report))
  if (flags.json) process.stdout.write(toPrettyJson(evalDocument(report)))
  else if (flags.csv) process.stdout.write(evalCsv(stages))
  else process.stdout.write(renderReport(report, colors, process.stdout.columns))
  if (flags.minApgr !== undefined) judge(flags.minApgr, plan.first, report)
}

function optionsOf(flags: Flags): EvalOptions {
  const { cv, groupBy, trainSize, trainOn = [], draws, checkpoint, strategies, strong, weak, embedder } = flags
  const conflict = (one: string, other: string) =>
    new UsageError(`${one} and ${other}: expected one of them, got both. Leave one out.`)
  if (cv !== undefined && trainOn.length > 0) throw conflict('--cv', '--train-on')
  const trains = cv !== undefined || trainSize.length > 0 || trainOn.length > 0
  if (trains && checkpoint.length > 0) throw conflict('--checkpoint', '--cv, --train-size or --train-on')
  if (flags.json && flags.csv) throw conflict('--json', '--csv')
  const needs = (flag: string, other: string) => new UsageError(`${flag}: expected ${other} beside it, got none.`)
  if (draws !== undefined && trainSize.length === 0) throw needs('--draws', '--train-size')
  if (groupBy && cv === undefined && trainSize.length === 0) throw needs('--group-by', '--cv or --train-size')
  if (embedder !== undefined) lookUp(embedders, embedder.split(':')[0]!, 'embedder')
  if (embedder !== undefined && !trains) throw needs('--embedder', '--cv, --train-size or --train-on')
  return {
    ...(strategies === undefined ? {} : { strategies: strategies.split(',').map(id => id.trim()) }),
    checkpoints: checkpoint,
    ...(strong === undefined ? {} : { strong }),
    ...(weak === undefined ? {} : { weak }),
    ...(cv === undefined ? {} : { folds: cv }),
    ...(groupBy ? { groupBy } : {}),
    ...(flags.by ? { by: flags.by } : {}),
    trainSizes: [...new Set(trainSize)].sort((a, b) => a - b),
    draws: draws ?? 1,
    trainOn,
    seed: flags.seed,
    ...(embedder === undefined ? {} : { embedder }),
    allowSeen: flags.allowSeen ?? false,
    skipBad: flags.skipBad ?? false,
    ...(flags.promptColumn === undefined ? {} : { promptColumn: flags.promptColumn }),
    ...(flags.config === undefined ? {} : { config: flags.config }),
  }
}

function methodOf(options: EvalOptions, resamples: number): EvalReport['method'] {
  const { folds, groupBy, draws, trainOn, seed } = options
  return trainSize => {
    const size = trainSize === undefined ? '' : `${grouped(trainSize)} rows`
    const how = [
      trainOn.length > 0
        ? `trained on ${size && `${size} of `}${trainOn.join(', ')}`
        : folds !== undefined
          ? `trained and tested by ${folds} folds${size && `, on ${size} each time`}`
          : size
            ? `trained on ${size}, tested on the rest`
            : 'trained weights as they are',
      ...(groupBy ? ['whole categories held out'] : []),
      ...(size ? [`${draws === 1 ? 'one draw' : `mean of ${draws} draws`}`] : []),
    ]
    return `${how.join(', ')}; seed ${seed}, ${grouped(resamples)} paired resamples`
  }
}

function plotOf({ stages, file, plan, method }: EvalReport): string {
  const { strategies, trainSize } = stages.at(-1)!
  return renderSvg(`${basename(file)}${pairNames(plan.pair)}`, method(trainSize), 'quality', plotSeries(strategies))
}

function judge(least: number, id: string, { stages }: EvalReport): void {
  const { apgr } = stages.at(-1)!.strategies.find(measurement => measurement.id === id)!
  if (apgr !== null && apgr >= least) return
  process.stderr.write(`${id}: APGR ${fixed(apgr)} is not at least ${least} (--min-apgr).\n`)
  process.exitCode = 1
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}

function collectSize(value: string, previous: number[]): number[] {
  return [...previous, parseCount(value, '--train-size', 1)]
}

function parseApgr(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(value)) throw new UsageError(`--min-apgr: expected a number, got "${printable(text)}".`)
  return value
}

function parseColumn(flag: string): (text: string) => GroupBy {
  return text => {
    if (text === 'category') return text
    const near = didYouMean(text, ['category'])
    throw new UsageError(`${flag}: expected category, got "${printable(text)}".${near}`)
  }
}
