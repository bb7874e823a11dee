import { impliedPrices } from '../evaluation/implied_prices.ts'
import type { Model, Outcomes, Pool, RouteRequest } from '../types.ts'

/** The models of an outcome file as a pool. */
export interface PricedPool {
  readonly pool: Pool
  /** What the caller may want to know of it, as sentences. */
  readonly notes: readonly string[]
}

/**
 * The models of a file with what is configured of them; where no prices are, those that their costs in the file imply.
 * @param rows of `outcomes`, one a request.
 */
export function poolOfFile(
  outcomes: Outcomes,
  rows: Int32Array,
  ids: readonly string[],
  requests: readonly RouteRequest[],
  configured: readonly Model[],
): PricedPool {
  const tokens = requests.map(({ needs }) => needs!.inputTokens!)
  const implied: string[] = []
  const models = ids.map((id): Model => {
    const known = configured.find(model => model.id === id) ?? { id }
    if (!outcomes.costs || known.inputPrice !== undefined || known.outputPrice !== undefined) return known
    const column = outcomes.models.indexOf(id)
    const costs = Float64Array.from(rows, row => outcomes.costs![row * outcomes.models.length + column]!)
    const prices = impliedPrices(tokens, costs, known.outputTokens)
    if (prices.inputPrice !== undefined) implied.push(id)
    return { ...known, ...prices }
  })
  const { strong, weak } = outcomes.sources[0]!
  const [first, second] = [strong, weak].map(m => models.find(({ id }) => id === outcomes.models[m]))
  const others = configured.filter(({ id }) => !outcomes.models.includes(id))
  return {
    pool: { models, ...(first && second ? { pair: { strong: first, weak: second } } : {}) },
    notes: [
      ...(implied.length > 0
        ? ['Costs are predicted with prices that the costs in the file imply, by tokens of the prompt.']
        : []),
      ...(others.length > 0
        ? [
            `Models of llmroute.yaml that the file has no scores of take no part: ${others.map(({ id }) => id).join(', ')}.`,
          ]
        : []),
    ],
  }
}
