import { UsageError } from '../errors.ts'
import type { PolicyEvalOptions } from '../io/policy_eval_plan.ts'
import { requireWritable, writeWhole } from '../io/write_whole.ts'
import type { EvalFlags } from './eval_flags.ts'
import { type DecisionFlags, routerOptions } from './options.ts'
import { createColors } from './output/color.ts'
import { renderCostSvg } from './output/cost_svg.ts'
import { toPrettyJson } from './output/json.ts'
import { policyDocument } from './output/policy_document.ts'
import { renderPolicyReport } from './output/policy_report.ts'
import { createProgress, type Progress } from './output/progress.ts'
import { evaluatePolicies, type PolicyReport } from './policy_eval_run.ts'

/** The flags of `eval` that only policies use, as commander parses them. */
export interface PolicyEvalFlags
  extends Pick<DecisionFlags, 'policy' | 'policyOption' | 'models' | 'threshold' | 'strongPct'> {}

/** `llmroute eval <file...> --policy <ids>`. */
export async function runPolicyEval(files: readonly string[], flags: EvalFlags & PolicyEvalFlags): Promise<void> {
  const { plot, json, resamples } = flags
  const options = await policyEvalOptions(flags, files.length)
  if (plot !== undefined) await requireWritable(plot, '--plot')
  const colors = createColors(process.stdout)
  const reports: PolicyReport[] = []
  for (const file of files) {
    const report = await withProgress(file, options, resamples)
    reports.push(report)
    if (!json) process.stdout.write(`${reports.length > 1 ? '\n' : ''}${renderPolicyReport(report, colors)}`)
    if (plot === undefined) continue
    if (!report.line)
      throw new UsageError(`--plot: expected costs of every model in ${file}, got none. Add columns cost:<model>.`)
    await writeWhole(plot, renderCostSvg(report))
  }
  if (!json) return
  const documents = reports.map(policyDocument)
  process.stdout.write(toPrettyJson(documents.length > 1 ? { version: 1, files: documents } : documents[0]))
}

async function policyEvalOptions(flags: EvalFlags & PolicyEvalFlags, files: number): Promise<PolicyEvalOptions> {
  for (const [flag, isGiven] of notOfPolicies(flags)) {
    if (isGiven) throw new UsageError(`${flag} and --policy: expected one of them, got both. Leave one out.`)
  }
  if (files > 1 && flags.plot !== undefined)
    throw new UsageError(`--plot: expected one file, got ${files}. Use --json.`)
  if (flags.cv !== undefined && flags.checkpoint.length > 0) {
    throw new UsageError('--checkpoint and --cv: expected one of them, got both. Leave one out.')
  }
  const policies = idsOf(flags.policy!, '--policy')
  const { policyOption, models, strong, weak, threshold, strongPct, config } = flags
  const given = { policy: policies[0]!, policyOption, models, strong, weak, threshold, strongPct, config }
  const router = await routerOptions(
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as DecisionFlags,
  )
  return {
    policies,
    ...(flags.strategies === undefined ? {} : { strategies: idsOf(flags.strategies, '--strategies') }),
    checkpoints: flags.checkpoint,
    ...(flags.cv === undefined ? {} : { folds: flags.cv }),
    ...(flags.groupBy ? { groupBy: flags.groupBy } : {}),
    seed: flags.seed,
    ...(flags.embedder === undefined ? {} : { embedder: flags.embedder }),
    allowSeen: flags.allowSeen ?? false,
    skipBad: flags.skipBad ?? false,
    ...(flags.promptColumn === undefined ? {} : { promptColumn: flags.promptColumn }),
    router,
  }
}

function notOfPolicies({ trainSize, trainOn, draws, by, minApgr, csv }: EvalFlags): [string, boolean][] {
  return [
    ['--train-size', trainSize.length > 0],
    ['--train-on', trainOn !== undefined],
    ['--draws', draws !== undefined],
    ['--by', by !== undefined],
    ['--min-apgr', minApgr !== undefined],
    ['--csv', csv === true],
  ]
}

function idsOf(text: string, flag: string): string[] {
  const ids = text.split(',').map(id => id.trim())
  const twice = ids.find((id, i) => ids.indexOf(id) < i)
  if (twice !== undefined) throw new UsageError(`${flag}: expected each id once, got ${twice} twice.`)
  return ids
}

/** Says on standard error, where that is a terminal, how far it has come. */
async function withProgress(file: string, options: PolicyEvalOptions, resamples: number): Promise<PolicyReport> {
  let progress: Progress | undefined
  const onFit = (strategy: string, done: number, total: number) => {
    progress ??= createProgress(`fit ${strategy}`, total)
    progress.update(done)
  }
  try {
    return await evaluatePolicies(file, { ...options, onFit }, resamples, () => {
      progress?.stop()
      progress = undefined
    })
  } finally {
    progress?.stop()
  }
}
