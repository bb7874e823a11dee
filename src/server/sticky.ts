import { LRUCache } from 'lru-cache'

/** Which model a conversation has; a bounded number of them, each for a while. */
export interface StickyModels {
  modelOf(key: string): string | undefined
  keep(key: string, model: string): void
}

const MOST_CONVERSATIONS = 100_000
const HOUR = 3_600_000

/** Remembers for an hour after the last turn. */
export function createStickyModels(): StickyModels {
  const models = new LRUCache<string, string>({ max: MOST_CONVERSATIONS, ttl: HOUR, updateAgeOnGet: true })
  return {
    modelOf: key => models.get(key),
    keep(key, model) {
      models.set(key, model)
    },
  }
}
