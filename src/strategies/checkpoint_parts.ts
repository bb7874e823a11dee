import { DataError } from '../errors.ts'
import { printable, unknownName } from '../registry.ts'
import type { Checkpoint, CheckpointMetadata, Embedder, Outcomes, Resources, TensorData } from '../types.ts'

/**
 * A tensor's numbers, after a look at its type and shape.
 * @param shape the length along each axis; `undefined` where any will do.
 * @throws DataError that names the tensor, what was expected and what is there.
 */
export function tensorOf<T extends TensorData>(
  { metadata, tensors }: Checkpoint,
  name: string,
  type: abstract new (...values: never[]) => T,
  shape: readonly (number | undefined)[],
): T {
  const tensor = Object.hasOwn(tensors, name) ? tensors[name]! : undefined
  const isFitting =
    tensor !== undefined &&
    tensor.shape.length === shape.length &&
    shape.every((length, axis) => length === undefined || tensor.shape[axis] === length) &&
    tensor.shape.reduce((product, length) => product * length, 1) === tensor.data.length
  if (isFitting && tensor.data instanceof type) return tensor.data
  const wanted = `${type.name} [${shape.map(length => length ?? 'any').join(', ')}]`
  const got = tensor ? `${tensor.data.constructor.name} [${tensor.shape.join(', ')}]` : 'none'
  throw broken(metadata.strategy, `expected a tensor ${name} of ${wanted}, got ${got}.`)
}

/** Holds that every number of a tensor is a place in a list of `length`. Throws DataError. */
export function checkIndexes(
  { metadata }: Checkpoint,
  name: string,
  indexes: Int32Array | Uint16Array,
  length: number,
) {
  if (indexes.every(index => index >= 0 && index < length)) return
  throw broken(metadata.strategy, `expected the numbers of tensor ${name} to be below ${length}, got others.`)
}

/** A number among the options. Throws DataError where there is none. */
export function numberOption({ metadata }: Checkpoint, name: string): number {
  const value = Object.hasOwn(metadata.options, name) ? metadata.options[name] : undefined
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw broken(metadata.strategy, `expected a number as option ${name}, got ${value === undefined ? 'none' : 'other'}.`)
}

/** Numbers among the options, `length` of them. Throws DataError where there are others or none. */
export function numbersOption({ metadata }: Checkpoint, name: string, length: number): readonly number[] {
  const values = Object.hasOwn(metadata.options, name) ? metadata.options[name] : undefined
  if (Array.isArray(values) && values.length === length && values.every(value => typeof value === 'number')) {
    return values as number[]
  }
  throw broken(metadata.strategy, `expected ${length} numbers as option ${name}, got other.`)
}

/** The place of a model among those the weights know. Throws UsageError that names them all. */
export function modelIndex({ metadata }: Checkpoint, id: string): number {
  const index = metadata.models.indexOf(id)
  if (index < 0) throw unknownName('model', id, metadata.models)
  return index
}

/** Places of the models to score for: those asked for where the weights know both, else the checkpoint's own pair. */
export function pairIndexes(checkpoint: Checkpoint, asked: Resources['pair']): { strong: number; weak: number } {
  const { models, pair } = checkpoint.metadata
  const { strong, weak } = asked && models.includes(asked.strong) && models.includes(asked.weak) ? asked : pair
  return { strong: modelIndex(checkpoint, strong), weak: modelIndex(checkpoint, weak) }
}

/**
 * Holds that a checkpoint was fitted by this strategy, on this reading of the text, with this embedder.
 * @throws DataError
 */
export function checkOrigin(
  { metadata }: Checkpoint,
  strategy: string,
  featureVersion: number,
  embedder: Origin,
): void {
  if (metadata.strategy !== strategy) {
    throw broken(strategy, `expected a checkpoint of ${strategy}, got one of ${printable(metadata.strategy)}.`)
  }
  if (metadata.featureVersion !== featureVersion) {
    throw broken(strategy, `expected feature version ${featureVersion}, got ${metadata.featureVersion}.`)
  }
  const fitted = metadata.embedder
  if (fitted && isSame(fitted, embedder)) return
  throw new DataError(
    strategy,
    undefined,
    `expected a checkpoint fitted on the embedder ${described(embedder)}, got one fitted on ${fitted ? described(fitted) : 'none'}. Use that embedder, or train again.`,
  )
}

type Origin = Pick<Embedder, 'id' | 'dimensions' | 'fingerprint'>

/** By fingerprint where both have one, since the files of a model may have moved; else by id. */
function isSame(one: Origin, other: Origin): boolean {
  const areKnown = one.fingerprint !== undefined && other.fingerprint !== undefined
  const isNamesake = areKnown ? one.fingerprint === other.fingerprint : one.id === other.id
  return isNamesake && one.dimensions === other.dimensions
}

function described({ id, dimensions, fingerprint }: Origin): string {
  return `${printable(id)} (${dimensions} dimensions${fingerprint === undefined ? '' : `, ${printable(fingerprint)}`})`
}

/** The metadata of freshly fitted weights. What was trained on and when is added by whoever writes the file. */
export function fittedMetadata(
  strategy: string,
  featureVersion: number,
  outcomes: Outcomes,
  { id, dimensions, fingerprint }: Embedder,
  seed: number,
  options: CheckpointMetadata['options'],
): CheckpointMetadata {
  const { strong, weak } = outcomes.sources[0]!
  return {
    strategy,
    embedder: { id, dimensions, ...(fingerprint === undefined ? {} : { fingerprint }) },
    models: outcomes.models,
    pair: { strong: outcomes.models[strong]!, weak: outcomes.models[weak]! },
    featureVersion,
    trainedOn: [],
    date: '',
    seed,
    options,
  }
}

/** A checkpoint whose parts do not fit each other. */
export function broken(strategy: string, message: string): DataError {
  return new DataError(strategy, undefined, `${message} The file is not what it says; train it again.`)
}
