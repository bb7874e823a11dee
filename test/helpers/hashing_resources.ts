import { create } from '../../src/embedders/hashing.ts'
import type { Checkpoint, Resources } from '../../src/types.ts'

/** What a strategy may ask for, with the embedder that needs no network. */
export function hashingResources(checkpoint?: Checkpoint, more: Partial<Resources> = {}): Resources {
  return {
    seed: 0,
    embedder: () => create({ dimensions: 128 }),
    checkpoint: async () => checkpoint ?? Promise.reject(new Error('asked for a checkpoint without having any')),
    ...more,
  }
}
