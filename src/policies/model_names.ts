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
