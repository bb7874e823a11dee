import { basename } from 'node:path'
import type { Command } from 'commander'
import { tableOrder } from '../../evaluation/evaluate.ts'
import { meanOverSets } from '../../evaluation/mean_over_sets.ts'
import { type EvalOptions, planEvaluation } from '../../io/eval_plan.ts'
import { requireWritable, writeWhole } from '../../io/write_whole.ts'
import { collect, collectSize, type EvalFlags, evalOptions, methodOf, parseApgr, parseColumn } from '../eval_flags.ts'
import { type EvalReport, runStages } from '../eval_run.ts'
import { addPolicyOptions, goOffline, OFFLINE, parseCount, parseSeed, parseShare, parseThreshold } from '../options.ts'
import { createColors } from '../output/color.ts'
import { evalCsv, evalDocument, plotSeries } from '../output/eval_data.ts'
import { type EvalSets, renderSets } from '../output/eval_mean.ts'
import { pairNames, renderHead, renderReport } from '../output/eval_report.ts'
import { hasCurve } from '../output/eval_table.ts'
import { watchLive, watchQuietly } from '../output/eval_watcher.ts'
import { toPrettyJson } from '../output/json.ts'
import { fixed } from '../output/numbers.ts'
import { renderSvg } from '../output/svg.ts'
import { type PolicyEvalFlags, runPolicyEval } from '../policy_eval.ts'
import { POLICY_HELP } from '../policy_eval_help.ts'

const EXAMPLES = `
Examples:
  llmroute eval sample
  llmroute eval outcomes.csv --cv 5
  llmroute eval outcomes.csv --cv 5 --group-by category --strategies linear,knn
  llmroute eval outcomes.csv --train-size 500 --train-size 2000 --draws 5
  llmroute eval outcomes.csv --cv 5 --draws 5
  llmroute eval outcomes.csv --train-on other.csv
  llmroute eval a.csv b.csv c.csv --train-on a.csv b.csv c.csv d.csv
  llmroute eval outcomes.csv --checkpoint mine.safetensors --min-apgr 0.6 --plot curve.svg
  llmroute eval outcomes.csv --json
  llmroute eval wide.csv --policy best_value --plot cost.svg
  llmroute eval wide.csv --policy best_value,threshold,round_robin --strategies knn,mf --cv 10

Forms of the file, told by its header:
  prompt, strong_score, weak_score                     a pair; optional strong_cost, weak_cost
  prompt, score:<model> ..., cost:<model> ...          many models; see --strong and --weak
  prompt, model_a, model_b, winner                     battles
  and optional id, category, win_rate:<name> (a foreign router's win rates, compared under that name).
  Scores are 0 to 1, costs US dollars for that prompt. CSV, TSV or JSONL, also gzipped.

random is the mean over 10 seeds; its interval is that of one. Its expectation is one half, so an APGR whose interval lies above
0.5 is above random with confidence. "beats length" means that the paired bootstrap interval of the difference excludes 0.
With --draws, rows or folds are drawn anew each time; APGR and its difference from length are means over the draws; CPT, quality
and costs are read from the mean of their curves; intervals are those of one draw.
Several files are tested one by one, then the mean over them is shown, each file counting alike. What is tested is not trained
on: of --train-on, the file under test is left out, so that one list serves for all of them.
Without --checkpoint, --strategies or training, the checkpoint of LLMROUTE_CHECKPOINT, else of llmroute.yaml, takes the place
of the shipped one of its strategy. With --by, an APGR whose gap may be none is "–" in the table; --json and --csv keep it.
Costs are those of the file, else estimated from prices in llmroute.yaml (or --config, or LLMROUTE_CONFIG).
Exit code 1 where --min-apgr is not reached.

--json prints { "version", "file", "form", "rows", "seen", "skipped", "default", "seed", "resamples", "folds", "trainSize",
"draws", "pair": { "strong", "weak" }, "quality": { "strong", "weak", "gapLow", "gapHigh" }, "strategies": [{ "id", "rows",
"apgr", "apgrLow", "apgrHigh", "cpt20", "cpt50", "cpt80", "quality50", "costPer1000", "beatsRandom", "beatsLength",
"minusLength", "minusLengthLow", "minusLengthHigh", "beatsSingleModel", "curve": [{ "threshold", "strongShare", "quality",
"qualityLow", "qualityHigh" }] }], "beats", "notes", "by": [{ "category", "rows", "quality", "strategies" }] (--by),
"learningCurve": [{ "trainSize", "quality", "strategies" }] (--train-size) }: shares, qualities and APGR are fractions; null
is undefined or never reached. "beats" lists the strategies, baselines aside, that are shown with 95% confidence to beat random, length, and
the better single model (at one of the nine deciles of the share, by a paired interval that allows for looking at nine): empty
where none does. "notes" holds the sentences under the table.
For several files it prints { "version", "files": [the above], "mean": [{ "id", "sets", "apgr", "apgrLow", "apgrHigh",
"beatsRandom", "minusLength", "minusLengthLow", "minusLengthHigh", "beatsLength" }] }; "sets" counts the files with a gap.
${POLICY_HELP}`

/** `llmroute eval <file...>`. */
export function define(command: Command): void {
  addPolicyOptions(command)
    .argument('<files...>', 'outcomes, or ids of shipped data sets (llmroute list datasets)')
    .option(
      '-s, --strategies <ids>',
      'strategies by comma, or default (default: every one that train makes and that has weights)',
    )
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
    .option('--draws <n>', 'how often to draw rows or folds (default 1)', text => parseCount(text, '--draws', 1))
    .option('--train-on <files...>', 'train on these outcome files, but not on the one under test')
    .option('--embedder <id>', 'embedder for training here (llmroute list embedders), or where that of -c is now')
    .option(...OFFLINE)
    .on('option:offline', goOffline)
    .option('--by <column>', 'also one line a category', parseColumn('--by'))
    .option('--seed <n>', 'seed of folds, draws, fits and resamples (default 0)', parseSeed, 0)
    .option('--resamples <n>', 'bootstrap resamples (default 1000)', text => parseCount(text, '--resamples', 1), 1000)
    .option(
      '--min-apgr <x>',
      'exit with 1 where the first of --strategies, else the configured or default, is below',
      parseApgr,
    )
    .option('-t, --threshold <number>', 'of --policy threshold: strong iff win rate >= threshold', parseThreshold)
    .option(
      '-p, --strong-pct <share>',
      'of --policy threshold: this share of the tested prompts to strong (default 0.5)',
      text => parseShare(text),
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

async function run(files: string[], flags: EvalFlags & PolicyEvalFlags): Promise<void> {
  if (flags.policy !== undefined) return runPolicyEval(files, flags)
  const options = evalOptions(flags, files.length)
  const { resamples, seed, json, csv, plot, minApgr } = flags
  if (plot !== undefined) await requireWritable(plot, '--plot')
  const colors = createColors(process.stdout)
  const reports: EvalReport[] = []
  for (const file of files) {
    const report = await evaluateFile(file, options, flags)
    reports.push(report)
    if (plot !== undefined) await writeWhole(plot, plotOf(report))
    if (csv) process.stdout.write(evalCsv(report.stages))
    else if (!json) process.stdout.write(renderReport(report, colors, process.stdout.columns))
  }
  const first = reports[0]!
  const sets = reports.length > 1 ? compareSets(reports, { resamples, seed }) : undefined
  const documents = json ? reports.map(evalDocument) : []
  if (json) process.stdout.write(toPrettyJson(sets ? { version: 1, files: documents, mean: sets.mean } : documents[0]))
  else if (sets) process.stdout.write(renderSets(sets, colors))
  if (minApgr !== undefined) judge(minApgr, first.plan.first, sets?.mean ?? first.stages.at(-1)!.strategies)
}

async function evaluateFile(
  file: string,
  options: EvalOptions,
  { resamples, seed, by, json, csv }: EvalFlags,
): Promise<EvalReport> {
  const plan = await planEvaluation(file, options)
  const method = methodOf(options, resamples)
  const isLive = process.stdout.isTTY && !process.env.CI && !json && !csv
  const order = tableOrder(plan.entrants)
  const stages = await runStages(plan, { resamples, seed, isByCategory: by !== undefined }, async stage =>
    isLive
      ? watchLive(renderHead({ file, plan, method }, stage), order, createColors(process.stdout))
      : watchQuietly(process.stderr),
  )
  return { file, plan, options, resamples, method, stages, notes: plan.notes }
}

/** The last stage of each file, for the strategies that all of them have. */
function compareSets(reports: readonly EvalReport[], settings: { resamples: number; seed: number }): EvalSets {
  const stages = reports.map(({ stages }) => stages.at(-1)!)
  const ids = stages[0]!.strategies
    .map(({ id }) => id)
    .filter(id => hasCurve(id) && stages.every(({ scored }) => scored.winRates.has(id)))
  const scored = stages.map(stage => stage.scored)
  const sets = reports.map(({ file }, i) => ({ name: basename(file), stage: stages[i]! }))
  return { sets, mean: meanOverSets(scored, ids, settings) }
}

function plotOf({ stages, file, plan, method }: EvalReport): string {
  const { strategies, trainSize } = stages.at(-1)!
  return renderSvg(`${basename(file)}${pairNames(plan.pair)}`, method(trainSize), 'quality', plotSeries(strategies))
}

function judge(least: number, first: string, measured: readonly { id: string; apgr: number | null }[]): void {
  const { apgr } = measured.find(({ id }) => id === first)!
  if (apgr !== null && apgr >= least) return
  process.stderr.write(`${first}: APGR ${fixed(apgr)} is not at least ${least} (--min-apgr).\n`)
  process.exitCode = 1
}
