import type { Embedder } from '../../src/types.ts'

/** An embedder that knows a vector for each of some texts, and nothing for others. */
export function fixedEmbedder(
  id: string,
  dimensions: number,
  vectors: ReadonlyMap<string, readonly number[]>,
): Embedder {
  return {
    id,
    dimensions,
    embed: async texts =>
      Float32Array.from(texts.flatMap(text => vectors.get(text) ?? new Array<number>(dimensions).fill(0))),
  }
}
