import { UsageError } from '../errors.ts'
import { printable, unknownName } from '../registry.ts'
import { type Config, readConfig } from './config.ts'

/** What a router is made from; all optional. Plain data, so that a worker can be sent it. */
export interface RouterOptions {
  /** Strategy id. Default: that of the checkpoint, else of llmroute.yaml, else the shipped default. */
  readonly strategy?: string
  /** Path of a checkpoint. Default: that of llmroute.yaml, else the shipped one of the strategy. */
  readonly checkpoint?: string
  /** Where the embedder that the checkpoint was fitted on is now, as `--embedder` of `train` names it. Default: where it was. */
  readonly embedder?: string
  /** Strong iff winRate >= threshold; Infinity sends everything to weak. */
  readonly threshold?: number
  /** Share for strong, 0..1, looked up in the checkpoint's win-rate quantiles. Default 0.5. */
  readonly strongPct?: number
  /** Ids of the pair's models. Default: those of llmroute.yaml, else of the checkpoint. */
  readonly strong?: string
  readonly weak?: string
  /** Policy id. Default: that of llmroute.yaml, else `threshold`. */
  readonly policy?: string
  /** The policy's own options, named as in llmroute.yaml, over those there. */
  readonly policyOptions?: unknown
  /** Ids of the models that a policy other than `threshold` picks from. Default: all of llmroute.yaml, else the pair. */
  readonly models?: readonly string[]
  /** File that decisions are added to. Default: that of llmroute.yaml, else none. */
  readonly log?: string
  /** Whether prompts stand there as text. Default: as llmroute.yaml says, else no. */
  readonly logPrompts?: boolean
  readonly seed?: number
  /** Path of the configuration. Default: llmroute.yaml in the working directory or above it. */
  readonly config?: string
}

/** What was asked for, by who asked: the first that says something about a thing has it. */
export interface Asked {
  /** Options of the call, environment, configuration. */
  readonly layers: readonly [RouterOptions, RouterOptions, RouterOptions]
  readonly config: Config
  readonly seed: number
}

/**
 * Gathers options, environment (`LLMROUTE_*`) and llmroute.yaml.
 * @throws UsageError for a threshold or share out of range; DataError for a configuration that cannot be used.
 */
export async function gatherOptions(options: RouterOptions): Promise<Asked> {
  requireKnown(options)
  const environment = environmentOptions()
  const config = await readConfig(options.config ?? environment.config)
  const { strategy, checkpoint, threshold, strongPct, policy, pair } = config
  const configured = {
    ...(strategy === undefined ? {} : { strategy }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(strongPct === undefined ? {} : { strongPct }),
    ...(policy === undefined ? {} : { policy }),
    ...pair,
  }
  const layers = [options, environment, configured] as const
  for (const layer of layers) check(layer)
  return { layers, config, seed: options.seed ?? 0 }
}

/** The configuration file that the environment names. */
export function environmentConfig(): string | undefined {
  return process.env.LLMROUTE_CONFIG || undefined
}

/** The embedder that the environment names. */
export function environmentEmbedder(): string | undefined {
  return process.env.LLMROUTE_EMBEDDER || undefined
}

/** `0.3` or `30%` as a fraction; NaN where it is neither, or not in 0..1. */
export function shareOf(text: string): number {
  const isPercent = text.trim().endsWith('%')
  const digits = isPercent ? text.trim().slice(0, -1) : text
  const value = digits.trim() === '' ? Number.NaN : Number(digits) / (isPercent ? 100 : 1)
  return value >= 0 && value <= 1 ? value : Number.NaN
}

/** Callers in plain JavaScript have no compiler to tell them. */
function requireKnown(options: RouterOptions): void {
  const unknown = Object.keys(options).find(name => !routerOptionNames.includes(name))
  if (unknown !== undefined) throw unknownName('option', unknown, routerOptionNames)
}

/** Every name of `RouterOptions`. */
export const routerOptionNames: readonly string[] = Object.keys({
  strategy: 0,
  checkpoint: 0,
  embedder: 0,
  threshold: 0,
  strongPct: 0,
  strong: 0,
  weak: 0,
  policy: 0,
  policyOptions: 0,
  models: 0,
  log: 0,
  logPrompts: 0,
  seed: 0,
  config: 0,
} satisfies Record<keyof RouterOptions, 0>)

function environmentOptions(): RouterOptions {
  const {
    LLMROUTE_STRATEGY,
    LLMROUTE_CHECKPOINT,
    LLMROUTE_THRESHOLD,
    LLMROUTE_STRONG_PCT,
    LLMROUTE_STRONG,
    LLMROUTE_WEAK,
    LLMROUTE_POLICY,
  } = process.env
  const config = environmentConfig()
  const number = (name: string, text: string, value: number, expected: string) => {
    if (!Number.isNaN(value)) return value
    throw new UsageError(`${name}: expected ${expected}, got "${printable(text)}".`)
  }
  const share = 'a share from 0 to 1 or a percentage such as 30%'
  return {
    ...(LLMROUTE_STRATEGY ? { strategy: LLMROUTE_STRATEGY } : {}),
    ...(LLMROUTE_CHECKPOINT ? { checkpoint: LLMROUTE_CHECKPOINT } : {}),
    ...(LLMROUTE_THRESHOLD
      ? { threshold: number('LLMROUTE_THRESHOLD', LLMROUTE_THRESHOLD, Number(LLMROUTE_THRESHOLD), 'a number') }
      : {}),
    ...(LLMROUTE_STRONG_PCT
      ? { strongPct: number('LLMROUTE_STRONG_PCT', LLMROUTE_STRONG_PCT, shareOf(LLMROUTE_STRONG_PCT), share) }
      : {}),
    ...(LLMROUTE_STRONG ? { strong: LLMROUTE_STRONG } : {}),
    ...(LLMROUTE_WEAK ? { weak: LLMROUTE_WEAK } : {}),
    ...(LLMROUTE_POLICY ? { policy: LLMROUTE_POLICY } : {}),
    ...(config ? { config } : {}),
  }
}

function check({ threshold, strongPct }: RouterOptions): void {
  if (threshold !== undefined && Number.isNaN(threshold)) throw new UsageError('threshold: expected a number, got NaN.')
  if (strongPct !== undefined && !(strongPct >= 0 && strongPct <= 1)) {
    throw new UsageError(`strongPct: expected a share from 0 to 1, got ${strongPct}.`)
  }
  if (threshold !== undefined && strongPct !== undefined) {
    throw new UsageError('threshold and strong_pct: expected one of them, got both. Leave one out.')
  }
}
