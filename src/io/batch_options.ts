import { basename, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { type BatchSettings, stateFile } from './batch_state.ts'
import { inputName, isRereadable, STDIN } from './byte_source.ts'
import type { LogSettings } from './decision_log.ts'
import { isGzipName } from './formats.ts'
import { partialName, realPathOf, requireReplaceable } from './partial_file.ts'
import { rejectsFileOf } from './rejects_file.ts'
import { MAX_FIELD, PROMPT_COLUMN, type RequestOptions, type Requests } from './requests.ts'
import type { Router } from './router.ts'
import type { RouterOptions } from './router_options.ts'
import type { SegmentJob } from './segment_routing.ts'

/** What a batch is to do. */
export interface BatchOptions extends RequestOptions {
  /** Path, or `-` for standard input. */
  readonly input: string
  readonly router?: RouterOptions
  /** Written under another name and renamed when complete. Without it, rows go to `BatchHooks.write`. */
  readonly output?: string | undefined
  /** File for rejected rows; default `<output>.rejected.csv`, or `BatchHooks.onReject` where there is no output. */
  readonly rejected?: string | undefined
  /** Go on from what an earlier run of the same input and options left. */
  readonly isResumed?: boolean
  /** Stop at the first row that cannot be routed. */
  readonly isStrict?: boolean
  /** Write decisions as JSON instead of the rows; only without `output`. */
  readonly asDecisions?: boolean
  /** Threads; 0 routes in this one. Default: one per core once there are more than some thousand rows. */
  readonly workers?: number | undefined
}

/** Throws UsageError where files collide, are no files, or cannot be resumed. */
export async function checkFiles({ input, output, rejected, isResumed }: BatchOptions): Promise<void> {
  if (isResumed && output === undefined) throw new UsageError('--resume: expected an output file. Name it with -o.')
  if (isResumed && !(await isRereadable(input))) {
    throw new UsageError(`--resume: expected a file, which can be read again, got ${inputName(input)}. Save it to one.`)
  }
  for (const [flag, file] of [['-o', output] as const, ['--rejected', rejected] as const]) {
    if (file !== undefined) await requireReplaceable(file, flag)
  }
  const seen = new Map<string, string>()
  for (const [name, file] of filesOf(input, output, rejected)) {
    const path = realPathOf(file)
    if (seen.has(path)) throw new UsageError(`${name} ${file}: expected another file than ${seen.get(path)}.`)
    seen.set(path, name)
  }
}

/** Every file that a batch reads or writes, and what it is. */
function filesOf(input: string, output: string | undefined, rejected: string | undefined): [string, string][] {
  const rejects = rejected ?? (output === undefined ? undefined : rejectsFileOf(output))
  return [
    ...named('the input', input === STDIN ? undefined : input),
    ...named('-o', output),
    ...named(rejected === undefined ? 'rejected rows' : '--rejected', rejects),
    ...named('the state of the run', output && stateFile(output)),
    ...named('the unfinished output', output && partialName(output)),
    ...named('unfinished rejected rows', rejects && partialName(rejects)),
  ]
}

function named(name: string, file: string | undefined): [string, string][] {
  return file === undefined ? [] : [[name, file]]
}

/** What is to be done with every segment. */
export function jobOf(options: BatchOptions, { format, header }: Requests, log?: LogSettings): SegmentJob {
  return {
    format,
    promptColumn: options.promptColumn ?? PROMPT_COLUMN,
    ...(header ? { columns: header.columns } : {}),
    lineEnd: header?.lineEnd ?? '\n',
    asDecisions: options.asDecisions === true && options.output === undefined,
    asGzip: options.output !== undefined && isGzipName(options.output),
    ...(log ? { log: { input: basename(inputName(options.input)), keepsPrompts: log.keepsPrompts } } : {}),
  }
}

/** What a resumed run must have in common with the one that it goes on from. */
export function settingsOf(
  options: BatchOptions,
  { policyId, pool, strategyId, threshold, pair, checkpoint }: Router,
  job: SegmentJob,
) {
  const settings: BatchSettings = {
    format: job.format,
    'prompt column': job.promptColumn,
    'max field': options.maxField ?? MAX_FIELD,
    policy: policyId,
    'policy options': options.router?.policyOptions ? JSON.stringify(options.router.policyOptions) : null,
    models: pair ? null : pool.models.map(({ id }) => id).join(','),
    strategy: strategyId ?? null,
    // JSON has no Infinity.
    threshold: threshold === undefined ? null : String(threshold),
    strong: pair?.strong.id ?? null,
    weak: pair?.weak.id ?? null,
    seed: options.router?.seed ?? 0,
    checkpoint: checkpoint?.sha256 ?? null,
    rejected: options.rejected === undefined ? null : resolve(options.rejected),
  }
  return settings
}
