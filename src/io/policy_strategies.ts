import { UsageError } from '../errors.ts'
import { saysWhatItSaw, seenBy } from '../evaluation/contamination.ts'
import type { GroupBy } from '../evaluation/groups.ts'
import { crossValidatedStrategy, rememberedStrategy } from '../evaluation/remembered_strategy.ts'
import { lookUp } from '../registry.ts'
import { strategies } from '../strategies/registry.ts'
import type { Outcomes, Strategy } from '../types.ts'
import { notTrained } from './eval_entrants.ts'
import { openCheckpoint } from './open_checkpoint.ts'
import { createStrategy, movedEmbedder } from './open_strategy.ts'
import type { PairIds } from './pair_choice.ts'
import { createResources } from './resources.ts'
import type { Asked } from './router_options.ts'

/** Folds where nobody asked for another number. */
const FOLDS = 5

/** Where strategies come from that policies ask. */
export interface PolicyStrategyOptions {
  readonly checkpoints: readonly string[]
  readonly folds?: number
  readonly groupBy?: GroupBy
  readonly seed: number
  readonly embedder?: string
  readonly pair: PairIds
  readonly asked: Asked
  readonly onFit?: (strategy: string, done: number, total: number) => void
}

/** Strategies that answer for the prompts of one file, each made once. */
export interface PolicyStrategies {
  /** Throws UsageError for a strategy that can neither be fitted nor has weights here. */
  open(id: string): Promise<Strategy>
  /** Ids of the strategies that checkpoints were given for. */
  named(): Promise<readonly string[]>
  /** What the weights of those that were opened were trained on: sorted prompt hashes. */
  seen(): readonly BigUint64Array[]
  methods(): readonly string[]
}

/** Strategies whose answers are worked out once for all prompts of a file: with the given weights, else by folds. */
export function createPolicyStrategies(outcomes: Outcomes, options: PolicyStrategyOptions): PolicyStrategies {
  const { folds, groupBy, seed, embedder, pair, asked, onFit } = options
  const files = [...options.checkpoints, ...configuredFiles(asked, folds)]
  const opened = new Map<string, Promise<Strategy>>()
  const seen: BigUint64Array[] = []
  const methods: string[] = []
  let stored: Promise<Awaited<ReturnType<typeof openCheckpoint>>[]> | undefined
  const checkpoints = () => {
    stored ??= Promise.all(files.map(file => openCheckpoint(file)))
    return stored
  }
  const make = async (id: string): Promise<Strategy> => {
    const module = await lookUp(strategies, id, 'strategy').load()
    const checkpoint = (await checkpoints()).find(({ metadata }) => metadata.strategy === id)
    const common = { seed, pair, ...(embedder === undefined ? {} : { embedder }) }
    if (checkpoint) {
      seen.push(seenBy(checkpoint))
      methods.push(
        saysWhatItSaw(checkpoint)
          ? `${id}: weights of ${checkpoint.file}`
          : `${id}: weights of ${checkpoint.file}, which does not say what it was trained on`,
      )
      const strategy = await createStrategy(id, { seed, pair, checkpoint, ...movedEmbedder(checkpoint, embedder) })
      return rememberedStrategy(id, strategy, outcomes)
    }
    if (module.recipe !== undefined) throw notTrained(id, `${module.recipe} Name weights with --checkpoint.`)
    const { fit } = module
    if (!fit) return rememberedStrategy(id, await module.create(createResources(common)), outcomes)
    const used = folds ?? FOLDS
    methods.push(`${id}: trained and tested by ${used} folds${groupBy ? ', whole categories held out' : ''}`)
    return crossValidatedStrategy(id, { ...module, fit }, outcomes, createResources(common), {
      folds: used,
      seed,
      ...(groupBy ? { groupBy } : {}),
      ...(onFit ? { onProgress: (done, total) => onFit(id, done, total) } : {}),
    })
  }
  return {
    open(id) {
      const found = opened.get(id) ?? make(id)
      opened.set(id, found)
      return found
    },
    async named() {
      const ids = (await checkpoints()).slice(0, options.checkpoints.length).map(({ metadata }) => metadata.strategy)
      const twice = ids.find((id, i) => ids.indexOf(id) < i)
      if (twice !== undefined) throw new UsageError(`--checkpoint: expected one file a strategy, got two of ${twice}.`)
      return ids
    },
    seen: () => seen,
    methods: () => methods,
  }
}

/** The weights that routing would use here count unless strategies are to be trained. */
function configuredFiles({ layers }: Asked, folds: number | undefined): string[] {
  if (folds !== undefined) return []
  const file = layers.find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint
  return file === undefined ? [] : [file]
}
