import type { Model, ModelPair } from '../types.ts'

const MILLION = 1e6

/** What calls of one row cost. */
export interface RowCost {
  /** Whose answer was taken. */
  readonly model: string
  readonly calls: readonly {
    readonly model: string
    readonly purpose: 'answer' | 'judge'
    readonly inputTokens: number
    readonly outputTokens: number
    /** US dollars; null where a price is not known. */
    readonly cost: number | null
  }[]
}

/** What all rows would have cost at one model. */
export interface Baseline {
  /** `all strong`, `all weak`; of a pool without a pair `all at the dearest`, `all at the cheapest`. */
  readonly name: string
  readonly model: string
  /** US dollars. */
  readonly cost: number
}

/** What the calls of a run cost, against everything at one model. */
export interface CostSummary {
  /** US dollars; null where a price is not known. */
  readonly cost: number | null
  readonly inputTokens: number
  readonly outputTokens: number
  /** Dearest first; none where prices are not known. */
  readonly baselines: readonly Baseline[]
}

/** Adds up what calls cost. */
export interface CostAccount {
  add(row: RowCost): void
  summary(): CostSummary
}

/**
 * Keeps what calls cost, in memory that does not grow with the rows. What a row would have cost at another model is its input
 * tokens × that model's price + the mean tokens of that model's answers × theirs: means of this run, else those configured,
 * else of all answers of this run. Rows that the model did answer count with what they did cost.
 */
export function createCostAccount(models: readonly Model[], pair?: ModelPair): CostAccount {
  const own = new Map<string, { rows: number; inputTokens: number; cost: number }>()
  const answers = new Map<string, { count: number; outputTokens: number }>()
  const sum = { rows: 0, rowInputTokens: 0, inputTokens: 0, outputTokens: 0, cost: 0 }
  let isKnown = true
  return {
    add({ model, calls }) {
      for (const call of calls) {
        sum.inputTokens += call.inputTokens
        sum.outputTokens += call.outputTokens
        if (call.cost === null) isKnown = false
        else sum.cost += call.cost
        if (call.purpose === 'judge') continue
        const of = answers.get(call.model) ?? { count: 0, outputTokens: 0 }
        of.count++
        of.outputTokens += call.outputTokens
        answers.set(call.model, of)
      }
      const taken = calls.find(call => call.model === model && call.purpose === 'answer')
      sum.rows++
      sum.rowInputTokens += taken?.inputTokens ?? 0
      if (!taken || taken.cost === null) return
      const of = own.get(model) ?? { rows: 0, inputTokens: 0, cost: 0 }
      of.rows++
      of.inputTokens += taken.inputTokens
      of.cost += taken.cost
      own.set(model, of)
    },
    summary: () => ({
      cost: isKnown ? sum.cost : null,
      inputTokens: sum.inputTokens,
      outputTokens: sum.outputTokens,
      baselines: sum.rows === 0 ? [] : baselines(),
    }),
  }

  function baselines(): Baseline[] {
    const costs = models.flatMap(model => allAt(model) ?? [])
    if (pair) {
      const named = [
        { name: 'all strong', model: pair.strong.id },
        { name: 'all weak', model: pair.weak.id },
      ]
      return named.flatMap(side =>
        costs.filter(({ model }) => model === side.model).map(({ cost }) => ({ ...side, cost })),
      )
    }
    const sorted = costs.sort((a, b) => b.cost - a.cost)
    if (sorted.length < 2) return sorted.map(only => ({ name: `all at ${only.model}`, ...only }))
    return [
      { name: 'all at the dearest', ...sorted[0]! },
      { name: 'all at the cheapest', ...sorted.at(-1)! },
    ]
  }

  function allAt(model: Model): { model: string; cost: number } | undefined {
    const { id, inputPrice, outputPrice } = model
    if (inputPrice === undefined || outputPrice === undefined) return undefined
    const answered = own.get(id) ?? { rows: 0, inputTokens: 0, cost: 0 }
    const input = sum.rowInputTokens - answered.inputTokens
    const output = (sum.rows - answered.rows) * meanOutputTokens(model)
    return { model: id, cost: answered.cost + (input * inputPrice + output * outputPrice) / MILLION }
  }

  function meanOutputTokens({ id, outputTokens: configured }: Model): number {
    const measured = answers.get(id)
    if (measured) return measured.outputTokens / measured.count
    if (configured !== undefined) return configured
    const all = [...answers.values()]
    const count = all.reduce((total, of) => total + of.count, 0)
    return count === 0 ? 0 : all.reduce((total, of) => total + of.outputTokens, 0) / count
  }
}
