import { UsageError } from '../errors.ts'
import { trainOnLog } from '../evaluation/logged_training.ts'
import type { TrainingOptions } from '../evaluation/training.ts'
import { readLoggedOutcomes } from '../io/logged_outcomes.ts'
import type { Checkpoint, Resources, StrategyModule } from '../types.ts'
import { measureTraining, type TrainingReport } from './output/train_report.ts'

/** The flags of `train --from-log`. */
export interface LogFlags {
  readonly fromLog?: string
  readonly feedback?: string
  readonly requests?: string
  readonly strong?: string
  readonly weak?: string
  readonly promptColumn?: string
}

/** What came of it. */
export interface TrainedFromLog {
  readonly checkpoint: Checkpoint
  /** Undefined where no row can be tested on without bias. */
  readonly report: TrainingReport | undefined
  readonly notes: readonly string[]
}

/** Throws UsageError where files and a log are both named, or feedback is missing. */
export function checkLogFlags(files: readonly string[], { fromLog, feedback, requests }: LogFlags): void {
  if (fromLog === undefined) {
    if (files.length === 0)
      throw new UsageError('train: expected outcome files, or --from-log with --feedback, got neither.')
    const stray = feedback !== undefined ? '--feedback' : requests !== undefined ? '--requests' : undefined
    if (stray) throw new UsageError(`${stray}: expected --from-log beside it, got none.`)
    return
  }
  if (files.length > 0)
    throw new UsageError('--from-log: expected no outcome files beside it, got some. Leave one out.')
  if (feedback === undefined)
    throw new UsageError(
      '--from-log: expected --feedback beside it, got none. It says what requests earned: columns id and score.',
    )
}

/** Trains a strategy on a decision log with feedback, and measures it where the log allows. */
export async function trainFromLog(
  id: string,
  module: StrategyModule & Required<Pick<StrategyModule, 'fit'>>,
  { fromLog, feedback, requests, strong, weak, promptColumn }: LogFlags,
  resources: Resources,
  options: TrainingOptions & { readonly resamples: number },
): Promise<TrainedFromLog> {
  const logged = await readLoggedOutcomes({
    log: fromLog!,
    feedback: feedback!,
    ...(requests === undefined ? {} : { requests }),
    ...(strong === undefined ? {} : { strong }),
    ...(weak === undefined ? {} : { weak }),
    ...(promptColumn === undefined ? {} : { promptColumn }),
  })
  const { checkpoint, tested } = await trainOnLog(module, logged, resources, options)
  const { resamples, seed } = options
  const report = tested && (await measureTraining(id, tested.outcomes, tested.winRates, { resamples, seed }))
  return { checkpoint, report, notes: [...logged.notes, report ? MEASURED : UNMEASURED] }
}

const MEASURED =
  'Figures are of prompts that know both models, or that were sent at random; of the latter each stands for several, so that intervals are wide.'
const UNMEASURED =
  'No figures: no prompt knows both models, and none was sent at random. Send a share of the traffic at random (policy ab), or try the weights on outcomes: llmroute label, then llmroute eval.'
