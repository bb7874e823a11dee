import { DataError } from '../errors.ts'
import type { CheckpointMetadata } from '../types.ts'

/**
 * The metadata of a checkpoint from the texts in its header. Texts stay as they are; everything else is JSON in there.
 * @throws DataError naming the entry that is missing or not what it has to be.
 */
export function parseMetadata(texts: Readonly<Record<string, string>>, file: string): CheckpointMetadata {
  const { strategy, embedder, measured, date = '' } = texts
  if (!strategy) throw new DataError(file, undefined, 'expected a strategy in the header, got none.')
  return {
    strategy,
    ...(embedder === undefined ? {} : { embedder: parse('embedder', isEmbedder) }),
    models: parse('models', isListOf(isText)),
    pair: parse('pair', hasAll({ strong: isText, weak: isText })),
    featureVersion: parse('featureVersion', isNumber),
    trainedOn: parse('trainedOn', isListOf(isTrainingFile)),
    ...(measured === undefined ? {} : { measured: parse('measured', isMeasured) }),
    date,
    seed: parse('seed', isNumber),
    options: parse('options', value => isRecord(value) && Object.values(value).every(isOption)),
  }

  function parse<K extends keyof CheckpointMetadata>(key: K, isRight: Check): NonNullable<CheckpointMetadata[K]> {
    const text = texts[key]
    try {
      const value: unknown = JSON.parse(text ?? '')
      if (isRight(value)) return value as NonNullable<CheckpointMetadata[K]>
    } catch {}
    const got = text === undefined ? 'none' : 'another'
    throw new DataError(file, undefined, `expected ${key} in the header as llmroute train writes it, got ${got}.`)
  }
}

type Check = (value: unknown) => boolean

const isText: Check = value => typeof value === 'string'
const isNumber: Check = value => typeof value === 'number'
/** JSON writes what is no number as null. */
const isFigure: Check = value => value === null || isNumber(value)
const isOption: Check = value =>
  isText(value) || isNumber(value) || isListOf(isText)(value) || isListOf(isNumber)(value)

const isEmbedder: Check = value =>
  hasAll({ id: isText, dimensions: isNumber })(value) &&
  (!Object.hasOwn(value as object, 'fingerprint') || hasAll({ fingerprint: isText })(value))

const isEstimate = hasAll({ value: isFigure, low: isFigure, high: isFigure })

const hasFigures: Check = value =>
  isRecord(value) && [value.apgr, value.minusLength].every(estimate => estimate === undefined || isEstimate(estimate))

const isTrainingFile: Check = value =>
  hasFigures(value) && hasAll({ name: isText, rows: isNumber, sha256: isText })(value)

const isMeasured: Check = value =>
  hasFigures(value) && hasAll({ beatsSingleModel: flag => typeof flag === 'boolean' })(value)

function isListOf(isRight: Check): Check {
  return value => Array.isArray(value) && value.every(isRight)
}

function hasAll(checks: Readonly<Record<string, Check>>): Check {
  return value =>
    isRecord(value) &&
    Object.entries(checks).every(([key, isRight]) => Object.hasOwn(value, key) && isRight(value[key]))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
