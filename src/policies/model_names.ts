import { UsageError } from '../errors.ts'
import { unknownName } from '../registry.ts'
import type { Pool } from '../types.ts'

/**
 * The id, where the pool has such a model.
 * @param where what names it, for the message: `policy rules: default`
 * @throws UsageError with the nearest and all ids
 */
export function requireModel(id: string, { models }: Pool, where: string): string {
  if (models.some(model => model.id === id)) return id
  const { message } = unknownName(
    'model',
    id,
    models.map(model => model.id),
  )
  throw new UsageError(`${where}: ${message}`)
}

/**
 * The model that a rule names: itself, or by its side of the pair.
 * @param where the rule, for the message: `policy rules: rule 1`
 * @throws UsageError where it names none or both, a model that the pool has not, or a side without a pair
 */
export function targetOf(
  { model, use }: { readonly model?: string | undefined; readonly use?: 'strong' | 'weak' | undefined },
  pool: Pool,
  where: string,
): string {
  if ((model === undefined) === (use === undefined)) {
    throw new UsageError(`${where}: expected model or use, got ${model === undefined ? 'neither' : 'both'}.`)
  }
  if (model !== undefined) return requireModel(model, pool, where)
  if (pool.pair) return pool.pair[use!].id
  throw new UsageError(`${where}: expected a pair for use: ${use}, got none. Name it in llmroute.yaml (pair).`)
}
