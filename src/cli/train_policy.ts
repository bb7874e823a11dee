import { resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { type LabelMeasurement, labelledFolds, measureLabels } from '../evaluation/labelled_validation.ts'
import { resolveDataset } from '../io/catalog.ts'
import { writeCheckpoint } from '../io/checkpoint.ts'
import { readClassifier } from '../io/embedder_table.ts'
import { type LabelledFiles, readLabelledPrompts } from '../io/labelled_prompts.ts'
import { requireWritable } from '../io/write_whole.ts'
import type { FeatureWeights } from '../policies/learned_features.ts'
import { fitLearned } from '../policies/learned_fit.ts'
import { createLearnedPredictor } from '../policies/learned_predictor.ts'
import { policies } from '../policies/registry.ts'
import { lookUp } from '../registry.ts'
import { normalizePrompt, promptHash } from '../text/hash.ts'
import type { Checkpoint } from '../types.ts'
import { toPrettyJson } from './output/json.ts'
import { fixed, grouped } from './output/numbers.ts'
import { createProgress } from './output/progress.ts'
import { renderTable } from './output/table.ts'
import { checkpointToReplace } from './train_guard.ts'

/** The flags of `train` that count with `--policy`. */
export interface PolicyTrainingFlags {
  readonly output?: string
  readonly folds: number
  readonly seed: number
  readonly force?: boolean
  readonly skipBad?: boolean
  readonly promptColumn?: string
  readonly json?: boolean
  /** Of strategies only. */
  readonly strategy?: string
  readonly strong?: string
  readonly weak?: string
  readonly embedder?: string
  readonly fromLog?: string
  readonly keepPrompts?: boolean
}

const OF_STRATEGIES = {
  strategy: '--strategy',
  strong: '--strong',
  weak: '--weak',
  embedder: '--embedder',
  fromLog: '--from-log',
  keepPrompts: '--keep-prompts',
} as const

/**
 * Trains a policy from files with the model to choose for each prompt, measures it by cross-validation, and saves it.
 * @throws UsageError for a policy that does not learn; DataError for files that cannot be used.
 */
export async function trainPolicy(id: string, files: readonly string[], flags: PolicyTrainingFlags): Promise<void> {
  const { output, folds, seed, force = false, skipBad = false, promptColumn, json = false } = flags
  lookUp(policies, id, 'policy')
  if (id !== 'learned') throw new UsageError(`--policy: expected learned, the policy that learns, got ${id}.`)
  for (const [key, flag] of Object.entries(OF_STRATEGIES)) {
    if (flags[key as keyof typeof OF_STRATEGIES] !== undefined)
      throw new UsageError(
        `${flag}: expected a strategy that is trained, got --policy learned, which takes no such flag.`,
      )
  }
  if (files.length === 0)
    throw new UsageError('train --policy learned: expected a file with columns prompt and model, got none.')
  if (output !== undefined) await requireWritable(output, '--output')
  if (output !== undefined && !force) await checkpointToReplace(output)
  const rows = await readLabelledPrompts(files.map(resolveDataset), {
    skipBad,
    ...(promptColumn === undefined ? {} : { promptColumn }),
  })
  if (rows.skipped > 0) process.stderr.write(`${rows.skipped} bad rows left out (--skip-bad).\n`)
  const [language, taskType, topic] = await Promise.all(['language', 'task_type', 'topic'].map(readClassifier))
  const weights = { language: language!, taskType: taskType!, topic: topic! }
  const progress = createProgress(`train ${id}`, folds + 1)
  let measured: LabelMeasurement
  let fitted: Checkpoint
  try {
    measured = crossValidate(rows, weights, { folds, seed }, done => progress.update(done))
    fitted = fitLearned(rows, weights, seed)
  } finally {
    progress.stop()
  }
  if (!json) process.stdout.write(render(rows, folds, measured))
  const checkpoint = withOrigin(fitted, rows, measured)
  const saved = output === undefined ? null : { file: output, sha256: await writeCheckpoint(output, checkpoint) }
  if (json) {
    const { prompts, files: sources, skipped } = rows
    process.stdout.write(
      toPrettyJson({
        ...{ version: 1, policy: id, folds, seed, prompts: prompts.length, skipped, files: sources },
        ...{ ...measured, checkpoint: saved },
      }),
    )
  }
  process.stderr.write(
    saved
      ? `Saved ${resolve(saved.file)}, which chooses between ${rows.models.join(', ')}.\nNext: llmroute route "..." --policy learned --policy-option checkpoint=${saved.file} --models ${rows.models.join(',')}\n`
      : 'Nothing saved: name a file with -o, such as -o learned.safetensors.\n',
  )
}

/** Chooses for each prompt by a forest that has not seen it. */
function crossValidate(
  { prompts, labels, models }: LabelledFiles,
  weights: FeatureWeights,
  { folds, seed }: { readonly folds: number; readonly seed: number },
  onProgress: (done: number) => void,
): LabelMeasurement {
  const fold = labelledFolds(prompts, folds, seed)
  const chosen = new Int32Array(prompts.length)
  for (let k = 0; k < folds; k++) {
    const train = Array.from(prompts.keys()).filter(row => fold[row] !== k)
    const part = { prompts: train.map(row => prompts[row]!), labels: train.map(row => labels[row]!), models }
    const predict = createLearnedPredictor(fitLearned(part, weights, seed), weights)
    for (let row = 0; row < prompts.length; row++) {
      if (fold[row] !== k) continue
      const { probabilities } = predict(prompts[row]!)
      chosen[row] = probabilities.indexOf(Math.max(...probabilities))
    }
    onProgress(k + 1)
  }
  return measureLabels(chosen, labels, models)
}

/** What it was trained on, the hashes of the prompts it has seen, and how it did. */
function withOrigin(
  { metadata, tensors }: Checkpoint,
  { prompts, files }: LabelledFiles,
  { accuracy, macroAccuracy, baseline }: LabelMeasurement,
): Checkpoint {
  const seen = BigUint64Array.from(new Set(prompts.map(normalizePrompt)), promptHash).sort()
  const figures = { accuracy, macro_accuracy: macroAccuracy, baseline_accuracy: baseline.accuracy }
  return {
    metadata: {
      ...metadata,
      trainedOn: files,
      date: new Date().toISOString().slice(0, 10),
      options: { ...metadata.options, ...figures },
    },
    tensors: { ...tensors, seen: { shape: [seen.length], data: seen } },
  }
}

function render({ prompts, files }: LabelledFiles, folds: number, measured: LabelMeasurement): string {
  const names = files.map(({ name }) => name).join(', ')
  const { accuracy, macroAccuracy, baseline, models } = measured
  const table = renderTable(
    [
      ['model', 'prompts', 'given to it', 'F1'],
      ...models.map(({ model, prompts: own, recall, f1 }) => [model, grouped(own), fixed(recall), fixed(f1)]),
    ],
    { header: true, right: [1, 2, 3] },
  )
  return `${names}: ${grouped(prompts.length)} prompts, ${models.length} models; ${folds}-fold cross-validation

${table}
Macro accuracy ${fixed(macroAccuracy)}, always the most frequent model ${fixed(baseline.macroAccuracy)}.
Accuracy       ${fixed(accuracy)}, always the most frequent model ${fixed(baseline.accuracy)}.
`
}
