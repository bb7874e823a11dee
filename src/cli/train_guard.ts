import { existsSync } from 'node:fs'
import { DataError, UsageError } from '../errors.ts'
import { beatsLength, isWorthHaving, type Measured } from '../evaluation/worth.ts'
import { readCheckpoint, type StoredCheckpoint } from '../io/checkpoint.ts'
import type { CheckpointMetadata } from '../types.ts'
import { signed } from './output/numbers.ts'

/**
 * The checkpoint that training would replace; undefined where there is none yet.
 * @throws UsageError where a file is there that `train` has not made: only --force replaces it.
 */
export async function checkpointToReplace(file: string): Promise<StoredCheckpoint | undefined> {
  if (!existsSync(file)) return undefined
  try {
    const checkpoint = await readCheckpoint(file)
    if (checkpoint.metadata.trainedOn.length > 0) return checkpoint
  } catch (error) {
    if (!(error instanceof DataError)) throw error
  }
  throw new UsageError(
    `--output: expected a new file, or a checkpoint that llmroute train made, got ${file}, which is neither. Name another file, or pass --force to replace it.`,
  )
}

/**
 * Why `existing` should stay: by its own stored figures it is worth having, and by theirs the new weights are not. Both are from
 * cross-validation on the files that each was trained on: on the same prompts, what has seen them would be flattered.
 * @returns undefined where it may be replaced.
 */
export function reasonToKeep(existing: StoredCheckpoint, made: CheckpointMetadata): string | undefined {
  const { measured } = existing.metadata
  if (!measured || !isWorthHaving(measured) || (made.measured && isWorthHaving(made.measured))) return undefined
  const beaten = beatsLength(measured.minusLength) ? 'length' : 'the better single model at some share'
  return `${existing.file} is kept: it beats ${beaten} with confidence (${figures(existing.metadata)}), and the new weights beat neither length nor the better single model (${figures(made)}). Pass --force to replace it all the same.`
}

function figures({ measured, trainedOn }: CheckpointMetadata): string {
  const { minusLength }: Partial<Measured> = measured ?? {}
  const difference = minusLength
    ? `APGR − length ${signed(minusLength.value)}, 95% interval ${signed(minusLength.low)} to ${signed(minusLength.high)}`
    : 'APGR undefined'
  return `${difference}, trained on ${trainedOn.map(({ name }) => name).join(', ')}`
}
