/**
 * The library: everything the command line stands on, under the same names.
 * @module
 */
export { DataError, UpstreamError, UsageError } from './errors.ts'
export { readCheckpoint, writeCheckpoint } from './io/checkpoint.ts'
export { createRouter, type Router } from './io/router.ts'
export type { RouterOptions } from './io/router_options.ts'
export { policies } from './policies/registry.ts'
export { spendingAt, thresholdFor, thresholdForShare } from './routing/calibration.ts'
export { createStatistics, type LiveStatistics, type StatisticsOptions } from './routing/statistics.ts'
export { strategies } from './strategies/registry.ts'
export type * from './types.ts'
