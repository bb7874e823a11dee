import { printable, unknownName } from '../registry.ts'
import { ApiFailure, invalidRequest } from './envelope.ts'

/** What a request's `model` asks for. */
export type Target =
  | { readonly kind: 'auto' }
  | { readonly kind: 'model'; readonly model: string }
  | { readonly kind: 'router'; readonly strategy: string; readonly threshold: number }

/** The name of the configured policy. */
export const AUTO = 'auto'

/** What names can be asked for. */
export interface Names {
  readonly models: readonly string[]
  readonly strategies: readonly string[]
  /** Strategies that could be asked for if there were a pair to pick from. */
  readonly withoutPair?: readonly string[] | undefined
}

const LONGEST_NAME = 256

/** What may stand as a threshold: of Python's `float()`, which RouteLLM reads it with, the finite decimal numbers. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

/**
 * Reads the `model` of a request: `auto`, a configured model's id, or `router-<strategy>-<threshold>`. A model's own id comes
 * first, so that one called `router-…` stays reachable.
 * @throws ApiFailure: 404 `model_not_found` for a name of nothing here, listing what is; 400 where a threshold is no number.
 */
export function readName(name: unknown, names: Names): Target {
  if (typeof name !== 'string' || name === '') {
    throw invalidRequest(
      'you must provide a model parameter: "auto", a configured model or router-STRATEGY-THRESHOLD',
      'model',
    )
  }
  if (names.models.includes(name)) return { kind: 'model', model: name }
  if (name === AUTO) return { kind: 'auto' }
  if (name.length > LONGEST_NAME) throw notFound(name, names)
  const [prefix, strategy = '', ...rest] = name.split('-')
  if (prefix === 'router' && names.withoutPair?.includes(strategy)) throw pairMissing(strategy, names)
  if (prefix !== 'router' || !names.strategies.includes(strategy)) throw notFound(name, names)
  const digits = rest.join('-')
  const threshold = DECIMAL.test(digits) ? Number(digits) : Number.NaN
  if (!Number.isFinite(threshold)) {
    throw invalidRequest(
      `model: expected a number as threshold of router-${strategy}-THRESHOLD, got "${printable(digits)}". Write it in decimals, such as router-${strategy}-0.5.`,
      'model',
      'invalid_threshold',
    )
  }
  return { kind: 'router', strategy, threshold }
}

function pairMissing(strategy: string, { models }: Names): ApiFailure {
  const ids = models.map(printable).join(', ')
  return new ApiFailure({
    status: 404,
    type: 'invalid_request_error',
    code: 'model_not_found',
    message: `model: expected a pair of configured models for router-${strategy} to pick from, got none. Name two of ${ids} in llmroute.yaml (pair: { strong, weak }), or ask for ${AUTO} or a model.`,
    param: 'model',
  })
}

function notFound(name: string, { models, strategies }: Names): ApiFailure {
  const available = [AUTO, ...models, ...strategies.map(id => `router-${id}-THRESHOLD`)]
  const { message } = unknownName('model', name, available)
  return new ApiFailure({
    status: 404,
    type: 'invalid_request_error',
    code: 'model_not_found',
    message,
    param: 'model',
  })
}
