import { UsageError } from '../errors.ts'
import { resolveDataset } from '../io/catalog.ts'
import { bodyOfPrompt } from '../io/chat_body.ts'
import type { Config } from '../io/config.ts'
import { type LabelResult, labelRows, labelSlot } from '../io/label_run.ts'
import { readLabelTable, writeOutcomes, writeScorerOutcomes } from '../io/label_table.ts'
import { ledgerFile, openLedger, setAsideNote } from '../io/ledger.ts'
import { requireWritable } from '../io/write_whole.ts'
import { scoredText } from '../upstream/accept.ts'
import { carryOut } from '../upstream/plan.ts'
import { GO_ON, stopSignal } from './batch_process.ts'
import { bodyOptionsOf, readCallConfig } from './call_flags.ts'
import { openCaller, planPartsOf, predictAsked, rowAnswerOf } from './call_parts.ts'
import type { LabelFlags } from './commands/label.ts'
import { checkReferences, checkScorer, scorerOf } from './label_scorer.ts'
import { toJson } from './output/json.ts'
import { counted, dollars, fixed, grouped } from './output/numbers.ts'
import { createProgress } from './output/progress.ts'
import { renderTable } from './output/table.ts'
import { createPatience, waitNote } from './patience.ts'

const CONCURRENCY = 16

/** `llmroute label`: calls, scores and writes outcomes. */
export async function labelFile(name: string, flags: LabelFlags): Promise<void> {
  checkScorer(flags)
  const { output, seed, n, promptColumn, reference, maxDollars, scorerFile } = flags
  const file = resolveDataset(name)
  const config = await readCallConfig(flags)
  const models = modelsOf(config, flags)
  await requireWritable(output, '--output')
  if (scorerFile !== undefined) await requireWritable(scorerFile, '--scorer-file')
  const table = await readLabelTable(file, { promptColumn, referenceColumn: reference, n, seed })
  await checkReferences(file, table.rows, flags)
  const maxConcurrency = flags.maxConcurrency ?? config.maxConcurrency ?? CONCURRENCY
  const caller = openCaller({ ...config, maxConcurrency }, flags)
  const plan = { ...planPartsOf(caller, config, [], []), fallbacks: [] }
  for (const model of models) plan.modelOf(model)
  const { signal, exitCode } = stopSignal()
  const progress = createProgress('label', table.rows.length)
  const patiently = createPatience({
    ...{ statistics: caller.statistics, signal },
    onWait(model) {
      progress.stop()
      process.stderr.write(`label: ${waitNote(model)}`)
    },
  })
  const options = bodyOptionsOf(flags)
  const score = scorerOf(flags, models, plan, patiently)
  const ledger = await openLedger(ledgerFile(output), {
    ...{ input: table.sha256, isResumed: flags.resume === true, slotOf: entry => labelSlot(entry, models) },
    settings: settingsOf(flags, models),
  })
  if (ledger.setAside) process.stderr.write(`${setAsideNote(ledger.setAside)}\n`)
  if (ledger.earlier) {
    const { answered, cost, inFlight } = ledger.earlier
    const again =
      inFlight.length > 0
        ? `; under way were ${inFlight.length === 1 ? 'row' : 'rows'} ${inFlight.join(', ')}, asked again`
        : ''
    process.stderr.write(`label: goes on after ${counted(answered, 'answer', 'answers')}, ${dollars(cost)}${again}.\n`)
  }
  let result: LabelResult
  try {
    result = await labelRows(table.rows, {
      ...{ models, ledger, score, maxConcurrency: Math.ceil(maxConcurrency / models.length), maxDollars, signal },
      keepsScores: flags.judge !== undefined || flags.command !== undefined,
      async answer(model, { prompt }) {
        const decision = { model, models: [model], plan: 'single', policy: 'label' } as const
        const body = bodyOfPrompt(prompt, options)
        return rowAnswerOf(await patiently(model, () => carryOut({ decision, body, prompt }, plan)))
      },
      predict(model, { prompt }) {
        if (model !== undefined) return predictAsked([model], bodyOfPrompt(prompt, options), plan)
        if (flags.judge === undefined) return { cost: 0, isGuess: false }
        // Two answers about as long as the prompt, in both orders, for every pair.
        const times = models.length * (models.length - 1)
        const { cost, isGuess } = predictAsked([flags.judge], bodyOfPrompt(prompt.repeat(3), {}), plan)
        return { cost: cost === undefined ? undefined : times * cost, isGuess }
      },
      onProgress: ({ rows, spent }) => progress.update(rows, `${grouped(rows)} rows, ${dollars(spent)}`),
    })
  } finally {
    progress.stop()
    await ledger.close()
    await caller.close()
  }
  if (result.state !== 'stopped') await write(result, models, flags, table.hasCategories)
  report(file, flags, models, table.rows.length, result)
  if (result.state === 'stopped') process.exit(exitCode())
  if (result.failures.length + result.unscored.length > 0 || result.rows.length === 0) process.exitCode = 1
}

async function write(result: LabelResult, models: readonly string[], flags: LabelFlags, hasCategories: boolean) {
  if (result.rows.length === 0) return
  await writeOutcomes(flags.output, models, result.rows, hasCategories)
  if (flags.scorerFile !== undefined) await writeScorerOutcomes(flags.scorerFile, models, result.rows, scoredText)
}

/** What a resumed run must have in common with the one that it goes on from: not how many rows, nor for how much. */
function settingsOf(flags: LabelFlags, models: readonly string[]) {
  const { promptColumn, reference, score, command, judge, system, maxTokens, temperature, seed } = flags
  return {
    ...{ models: models.join(','), 'prompt column': promptColumn ?? 'prompt', seed },
    ...{ reference: reference ?? null, score: score ?? null, command: command ?? null, judge: judge ?? null },
    ...{ 'system message': system ?? null, 'max tokens': maxTokens ?? null, temperature: temperature ?? null },
  }
}

function modelsOf({ models: configured, pair }: Config, { models, strong, weak }: LabelFlags): readonly string[] {
  const sides = [strong ?? pair?.strong, weak ?? pair?.weak].filter(id => id !== undefined)
  const ids = models ?? (sides.length === 2 ? sides : (configured ?? []).map(({ id }) => id))
  if (ids.length >= 2 && new Set(ids).size === ids.length) return ids
  throw new UsageError(
    `label: expected two models or more, each once, got ${ids.join(', ') || 'none'}. Name them with --models a,b, or in llmroute.yaml (llmroute init writes one).`,
  )
}

function report(file: string, flags: LabelFlags, models: readonly string[], asked: number, result: LabelResult): void {
  const { output } = flags
  const { rows, failures, unscored, spent, state } = result
  const figures = models.map((model, i) => {
    const scores = rows.flatMap(({ scores }) => scores[i] ?? [])
    const costs = rows.map(({ costs }) => costs[i])
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
    const cost = costs.includes(undefined) ? null : sum(costs as number[])
    return { model, rows: scores.length, score: scores.length > 0 ? sum(scores) / scores.length : null, cost }
  })
  for (const { row, model, reason } of failures.slice(0, 5)) {
    process.stderr.write(`label: row ${row}${model === undefined ? '' : `, ${model}`}: ${reason}\n`)
  }
  if (failures.length > 5) process.stderr.write(`label: and ${failures.length - 5} more.\n`)
  if (flags.json) {
    const counts = { rows: rows.length, asked, failed: failures.length + unscored.length, spent }
    process.stdout.write(toJson({ version: 1, input: file, output, state, ...counts, models: figures }))
  } else if (rows.length > 0 && state !== 'stopped') {
    const lines = figures.map(({ model, rows, score, cost }) => [model, grouped(rows), fixed(score), dollars(cost)])
    process.stdout.write(
      renderTable([['model', 'rows', 'score', 'cost'], ...lines], { header: true, right: [1, 2, 3] }),
    )
  }
  const again =
    failures.length > 0 ? `label: ${counted(failures.length, 'call', 'calls')} failed; --resume asks again.\n` : ''
  const left = unscoredNotes(result)
    .map(note => `label: ${note}; --resume asks the judge again.\n`)
    .join('')
  const why =
    state === 'budget' ? 'label: the next call could pass --max-dollars; give more and --resume to go on.\n' : ''
  const kept = state === 'stopped' ? `label: ${GO_ON}` : ''
  const next = state === 'stopped' || rows.length === 0 ? '' : `Next: llmroute train ${output} -o mine.safetensors\n`
  process.stderr.write(
    `label: ${grouped(rows.length)} of ${grouped(asked)} rows, ${dollars(spent)}.\n${again}${left}${why}${kept}${next}`,
  )
}

/** How many rows have no score, or not all, by the reason. */
function unscoredNotes({ rows, unscored }: LabelResult): string[] {
  const written = new Set(rows.map(({ row }) => row.row))
  const counts = new Map<string, number>()
  for (const { row, reason } of unscored) {
    const key = `${written.has(row) ? 'scored in part' : 'left out'}: ${reason}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return [...counts].map(([what, count]) => `${counted(count, 'row', 'rows')} ${what}`)
}
