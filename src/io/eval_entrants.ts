import { UsageError } from '../errors.ts'
import { saysWhatItSaw, seenBy } from '../evaluation/contamination.ts'
import {
  columnEntrant,
  type Entrant,
  fixedEntrant,
  oracleEntrant,
  randomEntrant,
  trainedEntrant,
} from '../evaluation/entrants.ts'
import { lookUp, unknownName } from '../registry.ts'
import { strategies } from '../strategies/registry.ts'
import type { Outcomes } from '../types.ts'
import { defaultStrategy, shippedCheckpoint } from './catalog.ts'
import type { StoredCheckpoint } from './checkpoint.ts'
import { createEvalThreads } from './eval_threads.ts'
import { openCheckpoint } from './open_checkpoint.ts'
import { createStrategy, movedEmbedder, noCheckpoint } from './open_strategy.ts'
import type { PairIds } from './pair_choice.ts'
import { createResources } from './resources.ts'

/** Who is to take part in an evaluation. */
export interface EntrantOptions {
  /** Ids of strategies, names of `win_rate:` columns, or `default`. Absent: see `openEntrants`. */
  readonly strategies?: readonly string[]
  /** Files, each used for the strategy that it names. */
  readonly checkpoints: readonly string[]
  /** A file that takes the place of the one shipped for its strategy. */
  readonly configured?: string
  /** Whether strategies are fitted here instead of taken from checkpoints. */
  readonly trains: boolean
  readonly seed: number
  /** Of strategies that are fitted here; of others, where the model of their embedder is now. */
  readonly embedder?: string
  /** The pair that is evaluated, for strategies that know more models. */
  readonly pair: PairIds
}

/** Who takes part, ready to be measured. */
export interface OpenedEntrants {
  /** Strategies and columns, then `random`, `length` and `oracle`. */
  readonly entrants: readonly Entrant[]
  /** The one that `--min-apgr` is about: the first that was asked for or configured, else the default where it is measured. */
  readonly first: string
  /** Strategy that the configured file has the weights of. */
  readonly configuredId: string | undefined
  /** What checkpoints were trained on: sorted prompt hashes by strategy. */
  readonly seen: readonly { readonly id: string; readonly hashes: BigUint64Array }[]
  /** Checkpoints that do not say what they were trained on. */
  readonly unchecked: readonly { readonly id: string; readonly file: string }[]
  /** Ends the threads that entrants are scored on. */
  close(): Promise<void>
}

const HEAD = 'win_rate:'
const BASELINES = ['random', 'length']
const RESERVED = [...BASELINES, 'strong', 'weak', 'oracle', 'default']

/**
 * What is to be measured. Where no strategies are asked for: those of the given checkpoints, else every strategy that can be
 * fitted, and (without `trains`) has a shipped checkpoint; neural models are slow and need packages, so they take part where they
 * are named. Columns of win rates and the baselines always take part.
 * @throws UsageError for an unknown name or a strategy without weights; DataError for a checkpoint that cannot be used.
 */
export async function openEntrants(outcomes: Outcomes, options: EntrantOptions): Promise<OpenedEntrants> {
  const columns = columnIds(outcomes)
  const known = [...Object.keys(strategies), ...columns.keys()]
  const asked = options.strategies?.map(name => (name === 'default' ? defaultStrategy : name))
  for (const name of asked ?? []) if (!known.includes(name)) throw unknownName('strategy', name, known)
  const checkpoints = await readCheckpoints(options.checkpoints)
  for (const [id, { file }] of checkpoints) {
    if (asked && !asked.includes(id)) {
      throw new UsageError(
        `${file}: expected a checkpoint of ${asked.join(' or ')}, got one of ${id}. Add it to --strategies.`,
      )
    }
  }
  const defaults = asked ?? (await defaultIds(checkpoints, options.trains))
  const [configured] = await readCheckpoints(options.configured === undefined ? [] : [options.configured])
  if (configured) checkpoints.set(...configured)
  const configuredId = configured?.[0]
  const ids = [...defaults, ...(configured ? [configured[0]] : [])].filter(id => Object.hasOwn(strategies, id))
  const threads = createEvalThreads()
  const trained: Entrant[] = []
  const seen: { id: string; hashes: BigUint64Array }[] = []
  const unchecked: { id: string; file: string }[] = []
  for (const id of new Set(ids.filter(id => !BASELINES.includes(id)))) {
    const module = await lookUp(strategies, id, 'strategy').load()
    const { seed, embedder, pair } = options
    if (options.trains && module.fit) {
      const resources = { seed, pair, ...(embedder ? { embedder } : {}) }
      trained.push(trainedEntrant(id, threads.fitAndScore(id, module, resources)))
      continue
    }
    if (options.trains && module.recipe !== undefined) throw notTrained(id, module.recipe)
    const checkpoint = checkpoints.get(id) ?? (await readShipped(id, module.recipe))
    seen.push({ id, hashes: seenBy(checkpoint) })
    if (!saysWhatItSaw(checkpoint)) unchecked.push({ id, file: checkpoint.file })
    const moved = movedEmbedder(checkpoint, embedder)
    const strategy = await createStrategy(id, { seed, checkpoint, pair, ...moved })
    trained.push(fixedEntrant(id, threads.scored(strategy, checkpoint, { seed, pair, ...moved })))
  }
  const baselines = await openBaselines(options.seed)
  const entrants = [...trained, ...[...columns].map(([id, rates]) => columnEntrant(id, rates)), ...baselines]
  const hasDefault = entrants.some(({ id }) => id === defaultStrategy)
  const first = asked?.[0] ?? configuredId ?? (hasDefault ? defaultStrategy : entrants[0]!.id)
  return { entrants, first, configuredId, seen, unchecked, close: threads.close }
}

/** Win rates of the file by id: the column's name, or the whole of its head where the name is taken or looks like a head. */
function columnIds({ winRates }: Outcomes): Map<string, Float64Array> {
  return new Map(
    Array.from(winRates, ([name, values]) => {
      const isTaken = Object.hasOwn(strategies, name) || RESERVED.includes(name) || name.startsWith(HEAD)
      return [isTaken ? HEAD + name : name, values]
    }),
  )
}

async function readCheckpoints(files: readonly string[]): Promise<Map<string, StoredCheckpoint>> {
  const found = new Map<string, StoredCheckpoint>()
  for (const file of files) {
    const checkpoint = await openCheckpoint(file)
    const { strategy } = checkpoint.metadata
    lookUp(strategies, strategy, 'strategy')
    const other = found.get(strategy)
    if (other) {
      throw new UsageError(`--checkpoint: expected one file a strategy, got ${other.file} and ${file} of ${strategy}.`)
    }
    found.set(strategy, checkpoint)
  }
  return found
}

async function defaultIds(checkpoints: ReadonlyMap<string, unknown>, trains: boolean): Promise<string[]> {
  if (checkpoints.size > 0) return [...checkpoints.keys()]
  const ids = Object.keys(strategies)
  const modules = await Promise.all(ids.map(id => strategies[id]!.load()))
  const learning = ids.filter((_, i) => modules[i]!.fit !== undefined)
  return trains ? learning : learning.filter(id => shippedCheckpoint(id) !== undefined)
}

/** The error where a strategy is to be trained whose weights a recipe makes. */
export function notTrained(strategyId: string, recipe: string): UsageError {
  return new UsageError(
    `strategy ${strategyId}: expected one that llmroute trains, got one whose weights are made elsewhere. ${recipe}`,
  )
}

async function readShipped(id: string, recipe: string | undefined): Promise<StoredCheckpoint> {
  const file = shippedCheckpoint(id)
  if (file !== undefined) return openCheckpoint(file)
  throw noCheckpoint(id, recipe ?? 'Train it here with --cv 5, or make one with llmroute train.')
}

async function openBaselines(seed: number): Promise<Entrant[]> {
  const resources = createResources({ seed })
  const [random, length] = await Promise.all(BASELINES.map(id => strategies[id]!.load()))
  return [randomEntrant(random!, resources), fixedEntrant('length', await length!.create(resources)), oracleEntrant]
}
