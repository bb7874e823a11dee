import { createHash } from 'node:crypto'
import { UsageError } from '../errors.ts'
import type { CheckpointMetadata } from '../types.ts'
import type { StoredCheckpoint } from './checkpoint.ts'

/**
 * An endpoint as a checkpoint of `causal_llm` that knows nothing of itself. Its sha256 is that of the address.
 * @param address base URL and the name of a model behind `#`.
 * @throws UsageError where no model is named, or the address holds what belongs elsewhere; its message does not repeat that.
 */
export function describeEndpoint(address: string): StoredCheckpoint {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (!url)
    throw new UsageError('--checkpoint: expected an address such as http://localhost:8000/v1#MODEL, got another.')
  if (url.username || url.password || url.search) {
    throw new UsageError(
      `--checkpoint: expected an address of ${url.host} without user name, password or query, got one with. Keys are read from the environment.`,
    )
  }
  if (url.hash.length < 2) {
    throw new UsageError(
      `--checkpoint: expected the name of a model behind the address of ${url.host}, got none. Write it as ${url.origin}${url.pathname}#MODEL.`,
    )
  }
  return {
    metadata: importedMetadata('causal_llm'),
    tensors: {},
    model: address,
    file: address,
    sha256: createHash('sha256').update(address).digest('hex'),
  }
}

/** The metadata of a model that was not trained by llmroute: no pair of its own, no training files. */
export function importedMetadata(strategy: string): CheckpointMetadata {
  return {
    strategy,
    models: ['weak', 'strong'],
    pair: { strong: 'strong', weak: 'weak' },
    featureVersion: 1,
    trainedOn: [],
    date: '',
    seed: 0,
    options: {},
  }
}
