import { relative } from 'node:path'
import type { Model } from '../types.ts'
import type { Router } from './router.ts'
import type { Asked, RouterOptions } from './router_options.ts'
import type { ServeSettings } from './serve_schema.ts'

/** One thing that is settled, and who says so. */
export interface Setting {
  readonly key: string
  readonly value: unknown
  /** A flag, an environment variable, the file, or what it follows from. */
  readonly from: string
}

/** A model as it is called; of headers the names only. */
export interface ShownModel extends Omit<Model, 'endpoint'> {
  readonly endpoint?: {
    readonly baseUrl: string
    readonly name: string
    readonly api: string
    readonly query: Readonly<Record<string, string>>
    readonly headers: readonly string[]
    /** Null where no key is sent. */
    readonly key: { readonly variable: string; readonly isSet: boolean } | null
  }
}

const KEYS = ['policy', 'strategy', 'checkpoint', 'threshold', 'strongPct', 'strong', 'weak'] as const

/** What counts, by precedence: flag, environment, file. Of threshold and share for strong the one that comes first. */
export function settingsOf({ layers, config }: Asked): Setting[] {
  const sources = [
    (key: string) => `--${snake(key).replaceAll('_', '-')}`,
    (key: string) => `LLMROUTE_${snake(key).toUpperCase()}`,
    () => relative(process.cwd(), config.file ?? ''),
  ]
  const spending = layers.findIndex(({ threshold, strongPct }) => threshold !== undefined || strongPct !== undefined)
  // A share may stand beside it; a threshold that comes first ends it.
  const isAuto = config.isThresholdAuto && layers[spending]?.threshold === undefined
  return KEYS.flatMap(key => {
    if (key === 'threshold' && isAuto) return [{ key, value: 'auto', from: sources[2]!(key) }]
    const isSpending = key === 'threshold' || key === 'strongPct'
    const layer = isSpending ? spending : layers.findIndex(values => values[key as keyof RouterOptions] !== undefined)
    const value = layers[layer]?.[key]
    return value === undefined ? [] : [{ key: snake(key), value, from: sources[layer]!(key) }]
  })
}

/** A model with whether its key is there: of the key itself, nothing. */
export function shownModel({ endpoint, ...model }: Model): ShownModel {
  if (!endpoint) return model
  const { baseUrl, name = model.id, api = 'openai', query = {}, headers = {}, keyVariable } = endpoint
  const key = keyVariable === undefined ? null : { variable: keyVariable, isSet: Boolean(process.env[keyVariable]) }
  return { ...model, endpoint: { baseUrl, name, api, query, headers: Object.keys(headers), key } }
}

/** What is said where a pair that nobody named has models that are not configured; undefined where none is, or all are. */
export function strangePair(
  { pair, checkpoint, strategyId }: Pick<Router, 'pair' | 'checkpoint' | 'strategyId'>,
  models: readonly Model[] = [],
): string | undefined {
  if (!pair || models.length === 0) return undefined
  const strange = [pair.strong.id, pair.weak.id].filter(id => !models.some(model => model.id === id))
  if (strange.length === 0) return undefined
  const what = strange.length === 2 ? 'pair' : 'model'
  const whose = checkpoint ? 'the checkpoint' : `strategy ${strategyId}`
  return `the ${what} ${strange.join(', ')} of ${whose} is not among models: name yours with pair: { strong, weak }`
}

/** What is said where keys have budgets that some models which can be called count nothing against; undefined where none are. */
export function unpricedBudgets(
  keys: Partial<ServeSettings>['keys'] = [],
  models: readonly Model[] = [],
): string | undefined {
  const unpriced = models.filter(
    ({ endpoint, inputPrice, outputPrice }) => endpoint && (inputPrice === undefined || outputPrice === undefined),
  )
  if (unpriced.length === 0 || keys.every(key => key.daily_budget === undefined)) return undefined
  return `answers of ${unpriced.map(({ id }) => id).join(', ')} count nothing against daily_budget: give both input_price and output_price, 0 for what is free`
}

function snake(key: string): string {
  return key.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
