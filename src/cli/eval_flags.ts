import { embedders } from '../embedders/registry.ts'
import { UsageError } from '../errors.ts'
import type { GroupBy } from '../evaluation/groups.ts'
import type { EvalOptions } from '../io/eval_plan.ts'
import { didYouMean, lookUp, printable } from '../registry.ts'
import type { EvalReport } from './eval_run.ts'
import { parseCount } from './options.ts'
import { grouped } from './output/numbers.ts'

/** The flags of `eval`, as commander parses them. */
export interface EvalFlags {
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

/** The flags as options. Throws UsageError where they contradict each other, or the number of files. */
export function evalOptions(flags: EvalFlags, files: number): EvalOptions {
  const { cv, groupBy, trainSize, trainOn = [], draws, checkpoint, strategies, strong, weak, embedder } = flags
  const conflict = (one: string, other: string) =>
    new UsageError(`${one} and ${other}: expected one of them, got both. Leave one out.`)
  if (cv !== undefined && trainOn.length > 0) throw conflict('--cv', '--train-on')
  const trains = cv !== undefined || trainSize.length > 0 || trainOn.length > 0
  if (trains && checkpoint.length > 0) throw conflict('--checkpoint', '--cv, --train-size or --train-on')
  if (flags.json && flags.csv) throw conflict('--json', '--csv')
  const ofOneFile = flags.csv ? '--csv' : flags.plot !== undefined ? '--plot' : undefined
  if (files > 1 && ofOneFile) throw new UsageError(`${ofOneFile}: expected one file, got ${files}. Use --json.`)
  const needs = (flag: string, other: string) => new UsageError(`${flag}: expected ${other} beside it, got none.`)
  if (draws !== undefined && cv === undefined && trainSize.length === 0) throw needs('--draws', '--cv or --train-size')
  if (groupBy && cv === undefined && trainSize.length === 0) throw needs('--group-by', '--cv or --train-size')
  if (embedder !== undefined) lookUp(embedders, embedder.split(':')[0]!, 'embedder')
  if (embedder !== undefined && !trains && checkpoint.length === 0) {
    throw needs('--embedder', '--cv, --train-size, --train-on or --checkpoint')
  }
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

/** In words: how strategies are trained and tested. */
export function methodOf(options: EvalOptions, resamples: number): EvalReport['method'] {
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
      ...(draws > 1 ? [`mean of ${draws} draws`] : size ? ['one draw'] : []),
    ]
    return `${how.join(', ')}; seed ${seed}, ${grouped(resamples)} paired resamples`
  }
}

/** Gathers a flag that may be repeated. */
export function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}

/** The same of `--train-size`. */
export function collectSize(value: string, previous: number[]): number[] {
  return [...previous, parseCount(value, '--train-size', 1)]
}

/** Of `--min-apgr`; any number. */
export function parseApgr(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(value)) throw new UsageError(`--min-apgr: expected a number, got "${printable(text)}".`)
  return value
}

/** The column of `--group-by` and `--by`: there is one. */
export function parseColumn(flag: string): (text: string) => GroupBy {
  return text => {
    if (text === 'category') return text
    const near = didYouMean(text, ['category'])
    throw new UsageError(`${flag}: expected category, got "${printable(text)}".${near}`)
  }
}
