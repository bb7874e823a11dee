import type { CheckpointMetadata, Estimate, MeasuredFigures } from '../types.ts'
import type { MeanMeasurement } from './mean_over_sets.ts'

/** What a checkpoint says of itself as a whole. */
export type Measured = NonNullable<CheckpointMetadata['measured']>

/**
 * Whether weights are shown to be worth having: they beat `length` with confidence (the paired 95 % interval of the difference
 * in APGR lies above 0), or at some share of the prompts earn more than the better single model with confidence.
 */
export function isWorthHaving({ minusLength, beatsSingleModel }: Measured): boolean {
  return beatsLength(minusLength) || beatsSingleModel
}

/** Whether the interval of a difference from `length` lies above 0. */
export function beatsLength(minusLength: Estimate | undefined): boolean {
  return minusLength !== undefined && minusLength.low > 0
}

/** APGR and its difference from `length` as a checkpoint keeps them. */
export function figuresOf(measured: Omit<MeanMeasurement, 'id' | 'sets'>): MeasuredFigures {
  const { apgr, apgrLow, apgrHigh, minusLength, minusLengthLow, minusLengthHigh } = measured
  return {
    ...estimate('apgr', apgr, apgrLow, apgrHigh),
    ...estimate('minusLength', minusLength, minusLengthLow, minusLengthHigh),
  }
}

function estimate(name: keyof MeasuredFigures, value: number | null, low: number | null, high: number | null) {
  return value === null || low === null || high === null ? {} : { [name]: { value, low, high } }
}
