/** Which model a conversation has; a bounded number of them. */
export interface StickyModels {
  modelOf(key: string): string | undefined
  keep(key: string, model: string): void
}

const MOST_CONVERSATIONS = 100_000

/** Remembers the conversations that were last asked about. */
export function createStickyModels(most = MOST_CONVERSATIONS): StickyModels {
  // A Map keeps the order in which keys were set.
  const models = new Map<string, string>()
  const keep = (key: string, model: string) => {
    models.delete(key)
    models.set(key, model)
    if (models.size > most) models.delete(models.keys().next().value!)
  }
  return {
    modelOf(key) {
      const model = models.get(key)
      if (model !== undefined) keep(key, model)
      return model
    },
    keep,
  }
}
