import { DataError, UsageError } from '../errors.ts'
import { selectRows } from '../evaluation/outcomes.ts'
import { type PoolTest, poolTestOf, rowsOfAll } from '../evaluation/pool_test.ts'
import { withInputTokens } from '../policies/input_tokens.ts'
import { predictedCost, unknownCostReason } from '../policies/predicted_cost.ts'
import { unknownName } from '../registry.ts'
import type { Model, Pool, RouteRequest } from '../types.ts'
import { readOutcomes } from './outcomes.ts'
import { poolOfFile } from './priced_pool.ts'
import type { Asked } from './router_options.ts'
import { readTable } from './table.ts'

/** Prompts that a policy over N models is calibrated on. */
export interface ValueData {
  readonly pool: Pool
  readonly requests: readonly RouteRequest[]
  /** Scores are 0 where the data has none. */
  readonly test: PoolTest & { readonly costs: Float64Array }
  readonly hasScores: boolean
  /** Whether costs are those of the data, or predicted from prices. */
  readonly costs: 'measured' | 'predicted'
  readonly skipped: number
  readonly notes: readonly string[]
}

/** What is read, and how. */
export interface ValueDataOptions {
  readonly file: string
  readonly promptColumn?: string
  readonly skipBad: boolean
}

/**
 * Reads outcomes with costs where the file has them for every model of the pool, else prompts, whose costs are predicted.
 * @throws UsageError where a price is missing, DataError.
 */
export async function readValueData(asked: Asked, options: ValueDataOptions): Promise<ValueData> {
  const { file, promptColumn = 'prompt', skipBad } = options
  const { header, rows } = await readTable(file, promptColumn)
  const ids = asked.layers[0].models ?? asked.config.models?.map(({ id }) => id)
  const scored = header.flatMap(name => (name.startsWith('score:') ? [name.slice('score:'.length).trim()] : []))
  if (scored.length > 1 && (ids ?? scored).every(id => scored.includes(id))) {
    return readScored(asked, { promptColumn, ...options }, ids ?? scored)
  }
  if (!ids) {
    throw new UsageError(
      `--data: expected columns score:<model>, or models in llmroute.yaml, got neither in ${file}. Name models with prices.`,
    )
  }
  const column = header.indexOf(promptColumn)
  if (column < 0)
    throw new DataError(file, 1, `expected a column ${promptColumn}, got none. Name it with --prompt-column.`)
  const good = skipBad ? rows.filter(cells => cells.length === header.length) : rows
  const requests = await counted(good.map(cells => ({ prompt: cells[column] ?? '' })))
  const pool = poolOf(asked, ids)
  return {
    pool,
    requests,
    test: predictedTest(pool.models, requests),
    hasScores: false,
    costs: 'predicted',
    skipped: rows.length - good.length,
    notes: ['Costs are predicted from the prices of llmroute.yaml.'],
  }
}

async function readScored(
  asked: Asked,
  { file, promptColumn, skipBad }: Required<ValueDataOptions>,
  ids: readonly string[],
): Promise<ValueData> {
  const { outcomes, skipped } = await readOutcomes([file], { promptColumn, skipBad })
  const measured = rowsOfAll(outcomes, ids)
  if (measured.length === 0)
    throw new DataError(file, undefined, `expected rows with scores of ${ids.join(', ')}, got none.`)
  const requests = await counted(selectRows(outcomes, measured).prompts.map(prompt => ({ prompt })))
  const { pool, notes } = poolOfFile(outcomes, measured, ids, requests, asked.config.models ?? [])
  const test = poolTestOf(outcomes, measured, ids)
  const { costs = predictedTest(pool.models, requests).costs } = test
  return {
    pool,
    requests,
    test: { ...test, costs },
    hasScores: true,
    costs: test.costs ? 'measured' : 'predicted',
    skipped,
    notes: [
      ...notes,
      ...(test.costs ? [] : ['Costs are predicted from the prices of llmroute.yaml, since the data has none.']),
    ],
  }
}

async function counted(requests: readonly RouteRequest[]): Promise<RouteRequest[]> {
  const needs = await withInputTokens(requests)
  return requests.map((request, i) => ({ ...request, needs: needs[i]! }))
}

function poolOf({ config, layers }: Asked, ids: readonly string[]): Pool {
  const known = config.models ?? []
  const models = ids.map(
    id => known.find(model => model.id === id) ?? (known.length === 0 ? { id } : missing(id, known)),
  )
  const [strong, weak] = (['strong', 'weak'] as const).map(side => {
    const named = layers.find(layer => layer[side] !== undefined)?.[side]
    return models.find(({ id }) => id === named)
  })
  return { models, ...(strong && weak ? { pair: { strong, weak } } : {}) }
}

function missing(id: string, known: readonly Model[]): never {
  throw unknownName(
    'model',
    id,
    known.map(model => model.id),
  )
}

/** Costs as the prices predict them; no scores. */
function predictedTest(models: readonly Model[], requests: readonly RouteRequest[]): ValueData['test'] {
  const costs = requests.flatMap(({ needs }) =>
    models.map(model => {
      const cost = predictedCost(model, needs!)
      if (cost !== undefined) return cost
      throw new UsageError(
        `--max-cost: expected a predicted cost of every model, got none of ${model.id}: ${unknownCostReason(model)}. Add it to llmroute.yaml, or cost:<model> columns to the data.`,
      )
    }),
  )
  return {
    models: models.map(({ id }) => id),
    rows: requests.length,
    scores: new Float64Array(costs.length),
    costs: Float64Array.from(costs),
  }
}
