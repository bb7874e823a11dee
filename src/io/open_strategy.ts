import { DataError, UsageError } from '../errors.ts'
import { policies } from '../policies/registry.ts'
import { lookUp, unknownName } from '../registry.ts'
import { withDynamicBatches } from '../strategies/dynamic_batches.ts'
import { strategies } from '../strategies/registry.ts'
import type { Model, ModelPair, Strategy } from '../types.ts'
import { defaultStrategy, shippedCheckpoint } from './catalog.ts'
import type { StoredCheckpoint } from './checkpoint.ts'
import type { Config } from './config.ts'
import { openCheckpoint } from './open_checkpoint.ts'
import { createResources, type ResourceOptions } from './resources.ts'
import { type Asked, environmentEmbedder } from './router_options.ts'

/** A strategy with its weights and the pair it is asked about, before there is a threshold. */
export interface OpenedStrategy {
  readonly strategyId: string
  readonly strategy: Strategy
  /** Absent where the strategy has no weights. */
  readonly checkpoint: StoredCheckpoint | undefined
  readonly pair: ModelPair
  /** Whether strategy and weights are those that llmroute.yaml names, so that its threshold speaks of them. */
  readonly isConfigured: boolean
  /** What the caller may not expect, as sentences. */
  readonly notes: readonly string[]
}

/** Finds and opens strategy, checkpoint and pair. Throws as `createRouter`, but does not ask whether a calibration still fits. */
export async function openStrategy(asked: Asked): Promise<OpenedStrategy> {
  const named = nameWeights(asked)
  const checkpoint = await findCheckpoint(named, asked)
  const strategyId = checkpoint?.metadata.strategy ?? named.strategyId ?? defaultStrategy
  const pair = resolvePair(asked, checkpoint)
  const strategy = await createStrategy(strategyId, {
    seed: asked.seed,
    ...(checkpoint ? { checkpoint } : {}),
    ...(asked.layers[0].embedder === undefined ? movedEmbedder(checkpoint) : { embedder: asked.layers[0].embedder }),
    pair: { strong: pair.strong.id, weak: pair.weak.id },
  })
  const { isConfigured, passedOver } = named
  const notes = checkpoint && passedOver ? [noteOf(strategyId, checkpoint, passedOver)] : []
  return { strategyId, strategy, checkpoint, pair, isConfigured, notes }
}

/** The pair that a strategy would be asked about, without making it; weights are read only where nobody names the pair. Throws as `openStrategy`. */
export async function pairOf(asked: Asked): Promise<ModelPair> {
  const isNamed = (['strong', 'weak'] as const).every(side => asked.layers.some(layer => layer[side] !== undefined))
  return resolvePair(asked, isNamed ? undefined : await findCheckpoint(nameWeights(asked), asked))
}

/**
 * Where the model of a checkpoint's embedder is now: as `embedder` says, else LLMROUTE_EMBEDDER, if it is of the kind that the
 * weights were fitted on. Other weights may be in use at the same time.
 */
export function movedEmbedder(
  checkpoint: StoredCheckpoint | undefined,
  embedder = environmentEmbedder(),
): { readonly embedder?: string } {
  const fitted = checkpoint?.metadata.embedder?.id
  return embedder !== undefined && fitted?.split(':')[0] === embedder.split(':')[0] ? { embedder } : {}
}

/** Makes a strategy from its weights. A DataError of the strategy about them names their file. */
export async function createStrategy(
  strategyId: string,
  options: ResourceOptions & { readonly checkpoint?: StoredCheckpoint },
): Promise<Strategy> {
  const { create } = await lookUp(strategies, strategyId, 'strategy').load()
  try {
    return withHeads(withDynamicBatches(await create(createResources(options))))
  } catch (error) {
    if (!(error instanceof DataError) || error.file !== strategyId || !options.checkpoint) throw error
    throw new DataError(options.checkpoint.file, undefined, error.detail)
  }
}

/** UTF-16 units of a prompt that count, some 65,000 tokens: whoever scores all of 30 MB answers nobody else for seconds. */
const MOST_SCORED = 1 << 18

/** The strategy, asked about the beginnings of prompts. */
function withHeads(strategy: Strategy): Strategy {
  const { quality, explain } = strategy
  return {
    ...strategy,
    winRate: prompts => strategy.winRate(headsOf(prompts)),
    ...(quality ? { quality: (prompts, models) => quality(headsOf(prompts), models) } : {}),
    ...(explain ? { explain: prompt => explain(headOf(prompt)) } : {}),
  }
}

function headsOf(prompts: readonly string[]): readonly string[] {
  return prompts.some(({ length }) => length > MOST_SCORED) ? prompts.map(headOf) : prompts
}

function headOf(prompt: string): string {
  return prompt.length > MOST_SCORED ? prompt.slice(0, MOST_SCORED) : prompt
}

interface Named {
  readonly strategyId: string | undefined
  readonly file: string | undefined
  /** Who named the strategy that the file has to be of. */
  readonly isConfigured: boolean
  /** A checkpoint that does not count, since a strategy was named above it. */
  readonly passedOver?: string
}

/** The first who names a strategy or a checkpoint decides; a checkpoint below counts only where it goes with that strategy. */
function nameWeights({ layers, config }: Asked): Named {
  let strategyId: string | undefined
  let passedOver: string | undefined
  for (const layer of layers) {
    if (layer.checkpoint !== undefined && (strategyId === undefined || layer.strategy === strategyId)) {
      const isConfigured = layer.checkpoint === config.checkpoint
      return { strategyId: strategyId ?? layer.strategy, file: layer.checkpoint, isConfigured }
    }
    passedOver ??= layer.checkpoint
    strategyId ??= layer.strategy
  }
  const isConfigured =
    config.checkpoint === undefined && (strategyId ?? defaultStrategy) === (config.strategy ?? defaultStrategy)
  return { strategyId, file: undefined, isConfigured, ...(passedOver === undefined ? {} : { passedOver }) }
}

function noteOf(strategyId: string, { file }: StoredCheckpoint, passedOver: string): string {
  return `The configured checkpoint ${passedOver} does not count, since a strategy was named over it: ${strategyId} uses the shipped ${file}. Name yours with --checkpoint.`
}

async function findCheckpoint(
  { strategyId, file, isConfigured }: Named,
  { config }: Asked,
): Promise<StoredCheckpoint | undefined> {
  if (strategyId !== undefined) lookUp(strategies, strategyId, 'strategy')
  if (file !== undefined) {
    const checkpoint = await openCheckpoint(file)
    const found = checkpoint.metadata.strategy
    if (!Object.hasOwn(strategies, found)) throw ofPolicy(found, file, checkpoint)
    if (strategyId === undefined || strategyId === found) return checkpoint
    throw isConfigured && strategyId === config.strategy
      ? new DataError(config.file!, undefined, `expected ${file} of strategy ${strategyId}, got one of ${found}.`)
      : new UsageError(
          `${file}: expected a checkpoint of ${strategyId}, got one of ${found}. Leave out --strategy or name another file.`,
        )
  }
  const id = strategyId ?? defaultStrategy
  const { fit, recipe } = await lookUp(strategies, id, 'strategy').load()
  if (!fit && recipe === undefined) return undefined
  const shipped = shippedCheckpoint(id)
  if (shipped) return openCheckpoint(shipped, true)
  throw noCheckpoint(id, recipe ?? `Make one with llmroute train --strategy ${id}.`)
}

/** Weights of a policy are none of a strategy. */
function ofPolicy(id: string, file: string, { metadata }: StoredCheckpoint): UsageError {
  const { message } = unknownName('strategy', id, Object.keys(strategies))
  if (!Object.hasOwn(policies, id)) return new UsageError(`${file}: ${message}`)
  return new UsageError(
    `${file}: expected a checkpoint of a strategy, got one of policy ${id}. Use it with --policy ${id} --policy-option checkpoint=${file} --models ${metadata.models.join(',')}.`,
  )
}

/** The error of a strategy that has weights, but none here. */
export function noCheckpoint(strategyId: string, advice: string): UsageError {
  return new UsageError(`strategy ${strategyId}: expected --checkpoint, since none is shipped. ${advice}`)
}

/** The pair that was asked for, else that of the weights. Throws UsageError for an unknown model, or one twice. */
export function resolvePair({ layers, config }: Asked, checkpoint: StoredCheckpoint | undefined): ModelPair {
  const trained = checkpoint?.metadata.pair ?? { strong: 'strong', weak: 'weak' }
  const idOf = (side: 'strong' | 'weak') => layers.find(layer => layer[side] !== undefined)?.[side]
  const strong = modelOf(idOf('strong'), trained.strong, config)
  const weak = modelOf(idOf('weak'), trained.weak, config)
  if (strong.id === weak.id) throw new UsageError(`--strong and --weak: expected two models, got ${strong.id} twice.`)
  return { strong, weak }
}

/** A model that was asked for has to be one of those configured, where any are. */
function modelOf(asked: string | undefined, trained: string, { models }: Config): Model {
  const id = asked ?? trained
  const model = models?.find(candidate => candidate.id === id)
  if (model) return model
  if (asked === undefined || !models) return { id }
  throw unknownName(
    'model',
    id,
    models.map(candidate => candidate.id),
  )
}
