import { DataError, UsageError } from '../errors.ts'
import { lookUp } from '../registry.ts'
import { strategies } from '../strategies/registry.ts'
import type { Strategy } from '../types.ts'
import { defaultStrategy, shippedCheckpoint } from './catalog.ts'
import { readCheckpoint, type StoredCheckpoint } from './checkpoint.ts'
import type { Config } from './config.ts'
import { createResources, type ResourceOptions } from './resources.ts'
import type { RouterOptions } from './router.ts'

/** A strategy with its weights, before there is a threshold. */
export interface OpenedStrategy {
  readonly strategyId: string
  readonly strategy: Strategy
  /** Absent where the strategy has no weights. */
  readonly checkpoint: StoredCheckpoint | undefined
  /** Whether strategy and weights are those that llmroute.yaml names, so that its threshold speaks of them. */
  readonly isConfigured: boolean
}

/** Finds and opens strategy and checkpoint. Throws as `createRouter`, but does not ask whether a calibration still fits. */
export async function openStrategy(asked: RouterOptions, config: Config): Promise<OpenedStrategy> {
  const opened = await openCheckpoint(asked, config)
  const { strategyId, checkpoint } = opened
  const strong = asked.strong ?? config.pair?.strong ?? checkpoint?.metadata.pair.strong
  const weak = asked.weak ?? config.pair?.weak ?? checkpoint?.metadata.pair.weak
  const strategy = await createStrategy(strategyId, {
    seed: asked.seed ?? 0,
    ...(checkpoint ? { checkpoint } : {}),
    ...(strong !== undefined && weak !== undefined ? { pair: { strong, weak } } : {}),
  })
  return { ...opened, strategy }
}

/** Makes a strategy from its weights. A DataError of the strategy about them names their file. */
export async function createStrategy(
  strategyId: string,
  options: ResourceOptions & { readonly checkpoint?: StoredCheckpoint },
): Promise<Strategy> {
  const { create } = await lookUp(strategies, strategyId, 'strategy').load()
  try {
    return await create(createResources(options))
  } catch (error) {
    if (!(error instanceof DataError) || error.file !== strategyId || !options.checkpoint) throw error
    throw new DataError(options.checkpoint.file, undefined, error.detail)
  }
}

async function openCheckpoint(asked: RouterOptions, config: Config): Promise<Omit<OpenedStrategy, 'strategy'>> {
  if (asked.strategy !== undefined) lookUp(strategies, asked.strategy, 'strategy')
  const isConfigured =
    asked.checkpoint === undefined &&
    (asked.strategy === undefined || asked.strategy === (config.strategy ?? defaultStrategy))
  const file = asked.checkpoint ?? (isConfigured ? config.checkpoint : undefined)
  if (file !== undefined) {
    const checkpoint = await readCheckpoint(file)
    const strategyId = checkpoint.metadata.strategy
    const wanted = asked.strategy ?? (isConfigured ? config.strategy : undefined)
    if (wanted !== undefined && wanted !== strategyId) {
      throw new UsageError(
        `${file}: expected a checkpoint of ${wanted}, got one of ${strategyId}. Leave out --strategy or name another file.`,
      )
    }
    return { strategyId, checkpoint, isConfigured }
  }
  const strategyId = asked.strategy ?? config.strategy ?? defaultStrategy
  const { fit } = await lookUp(strategies, strategyId, 'strategy').load()
  if (!fit) return { strategyId, checkpoint: undefined, isConfigured }
  const shipped = shippedCheckpoint(strategyId)
  if (!shipped) {
    throw new UsageError(
      `strategy ${strategyId}: expected --checkpoint, since none is shipped. Make one with llmroute train --strategy ${strategyId}.`,
    )
  }
  return { strategyId, checkpoint: await readCheckpoint(shipped), isConfigured }
}
