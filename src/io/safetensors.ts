import { DataError } from '../errors.ts'
import { printable } from '../registry.ts'
import type { Tensor, TensorData } from '../types.ts'

const dtypes = {
  F64: { type: Float64Array, bytes: 8 },
  U64: { type: BigUint64Array, bytes: 8 },
  F32: { type: Float32Array, bytes: 4 },
  I32: { type: Int32Array, bytes: 4 },
  U16: { type: Uint16Array, bytes: 2 },
  I8: { type: Int8Array, bytes: 1 },
  U8: { type: Uint8Array, bytes: 1 },
} as const
type Dtype = keyof typeof dtypes

/** A safetensors file in memory. */
export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: Readonly<Record<string, Tensor>>
}

interface HeaderEntry {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/**
 * Reads the safetensors form (https://huggingface.co/docs/safetensors): a 64-bit little-endian header length, a JSON
 * header, the data. Tensors are views of `bytes` where alignment allows it.
 * @throws DataError where the bytes are not whole or not of this form.
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): Safetensors {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = bytes.length < 8 ? Number.NaN : Number(view.getBigUint64(0, true))
  if (!(headerLength <= bytes.length - 8)) throw broken(file, 'a header as long as its first 8 bytes say', bytes.length)
  const start = 8 + headerLength
  const { __metadata__: metadata = {}, ...entries } = parseHeader(bytes.subarray(8, start), file)
  if (!isStrings(metadata))
    throw new DataError(file, undefined, 'expected texts as metadata in the header, got others.')
  let end = 0
  const tensors = Object.entries(entries).map(([name, entry]): [string, Tensor] => {
    const { dtype, shape, data_offsets: offsets } = checkEntry(entry, file, printable(name))
    const { type, bytes: size } = dtypes[dtype]
    const length = shape.reduce((product, side) => product * side, 1)
    if (offsets[1] - offsets[0] !== length * size) throw broken(file, `tensor ${printable(name)} whole`, bytes.length)
    if (start + offsets[1] > bytes.length) throw broken(file, `at least ${start + offsets[1]} bytes`, bytes.length)
    end = Math.max(end, offsets[1])
    return [name, { shape, data: typedView(type, bytes, start + offsets[0], length, size) }]
  })
  if (start + end !== bytes.length) throw broken(file, `${start + end} bytes`, bytes.length)
  return { metadata, tensors: Object.fromEntries(tensors) }
}

/** The inverse of `decodeSafetensors`. Tensors are laid out by falling element size, so that views stay aligned. */
export function encodeSafetensors({ metadata, tensors }: Safetensors): Uint8Array {
  const parts = Object.entries(tensors)
    .map(([name, { shape, data }]) => ({ name, shape, data, dtype: dtypeOf(data) }))
    .sort((a, b) => dtypes[b.dtype].bytes - dtypes[a.dtype].bytes || (a.name < b.name ? -1 : 1))
  const header: Record<string, unknown> = { __metadata__: metadata }
  let offset = 0
  for (const { name, shape, data, dtype } of parts) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const headerLength = Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(8 + headerLength + offset).fill(0x20, 8, 8 + headerLength)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true)
  bytes.set(json, 8)
  let at = 8 + headerLength
  for (const { data } of parts) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

function parseHeader(bytes: Uint8Array, file: string): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (isRecord(header)) return header
  } catch {}
  throw broken(file, 'a JSON header', bytes.length)
}

function checkEntry(entry: unknown, file: string, name: string): HeaderEntry {
  const fail = (expected: string, got = 'another') =>
    new DataError(file, undefined, `tensor ${name}: expected ${expected}, got ${got}.`)
  const { dtype, shape, data_offsets: offsets } = isRecord(entry) ? entry : {}
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypes, dtype)) {
    const got = typeof dtype === 'string' ? printable(dtype) : 'none'
    throw fail(`dtype ${Object.keys(dtypes).join(', ')}`, `${got}. Convert it to F32`)
  }
  if (!isSizes(shape)) throw fail('a shape of whole numbers from 0 up')
  if (!isSizes(offsets) || offsets.length !== 2) throw fail('data_offsets of two whole numbers from 0 up')
  return { dtype: dtype as Dtype, shape, data_offsets: [offsets[0]!, offsets[1]!] }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStrings(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every(text => typeof text === 'string')
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(size => Number.isSafeInteger(size) && size >= 0)
}

function broken(file: string, expected: string, got: number): DataError {
  return new DataError(
    file,
    undefined,
    `expected a safetensors file with ${expected}, got ${got} bytes that do not hold it. The file is truncated or no checkpoint; copy or train it again.`,
  )
}

function dtypeOf(data: TensorData): Dtype {
  return (Object.keys(dtypes) as Dtype[]).find(dtype => data instanceof dtypes[dtype].type)!
}

function typedView(
  type: (typeof dtypes)[Dtype]['type'],
  bytes: Uint8Array,
  offset: number,
  length: number,
  size: number,
): TensorData {
  const at = bytes.byteOffset + offset
  if (at % size === 0) return new type(bytes.buffer as ArrayBuffer, at, length)
  return new type(bytes.slice(offset, offset + length * size).buffer as ArrayBuffer)
}
