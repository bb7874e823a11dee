import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { LoggedDecision } from '../routing/logged_decision.ts'
import type { Model } from '../types.ts'
import type { Asked } from './router_options.ts'

/** Of the end of the log. */
const MOST_BYTES = 1 << 20
/** Latest answers of each model. */
const MOST_ANSWERS = 1000

/**
 * What was asked for, the models with the mean length of their latest answers in the decision log where no `output_tokens` is
 * configured. The log is read when a cost is first predicted; one that cannot be read tells nothing.
 */
export function withLoggedLengths(asked: Asked): Asked {
  const file = asked.layers[0].log ?? asked.config.log?.file
  const { models } = asked.config
  if (file === undefined || !models) return asked
  let means: ReadonlyMap<string, number> | undefined
  const meanOf = (id: string) => {
    means ??= meanLengths(file)
    return means.get(id)
  }
  return { ...asked, config: { ...asked.config, models: models.map(model => withLength(model, meanOf)) } }
}

/** Only a model with a price of output has use for the length of answers. */
function withLength(model: Model, meanOf: (id: string) => number | undefined): Model {
  if (model.outputTokens !== undefined || !model.outputPrice) return model
  return Object.defineProperty({ ...model }, 'outputTokens', { enumerable: true, get: () => meanOf(model.id) })
}

/** Model → mean tokens of its answers, by the end of a decision log. */
function meanLengths(file: string): ReadonlyMap<string, number> {
  const sums = new Map<string, { count: number; sum: number }>()
  for (const line of lastLines(file).toReversed()) {
    const answer = answerOf(line)
    if (!answer) continue
    const { count, sum } = sums.get(answer.model) ?? { count: 0, sum: 0 }
    if (count < MOST_ANSWERS) sums.set(answer.model, { count: count + 1, sum: sum + answer.outputTokens })
  }
  return new Map(Array.from(sums, ([model, { count, sum }]) => [model, sum / count]))
}

/** Whole lines; none where there is no log yet. */
function lastLines(file: string): string[] {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    const { size } = fstatSync(descriptor)
    const start = Math.max(0, size - MOST_BYTES)
    const bytes = Buffer.alloc(size - start)
    const read = readSync(descriptor, bytes, 0, bytes.length, start)
    return bytes
      .toString('utf8', 0, read)
      .split('\n')
      .slice(start > 0 ? 1 : 0)
  } catch {
    return []
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function answerOf(line: string): { readonly model: string; readonly outputTokens: number } | undefined {
  if (!line.includes('"answer":')) return undefined
  try {
    const { model, outputTokens } = (JSON.parse(line) as Partial<LoggedDecision>).answer ?? {}
    return typeof model === 'string' && typeof outputTokens === 'number' ? { model, outputTokens } : undefined
  } catch {
    return undefined
  }
}
