import { fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { DataError } from '../errors.ts'
import type { TensorFile } from '../types.ts'
import { packageRoot } from './catalog.ts'
import { unreadable } from './file_errors.ts'
import { decodeSafetensors } from './safetensors.ts'

/** Bytes that are read at once. */
const BLOCK = 1 << 14
/** A table stays open, since most of it is read late or never. */
const tables = new Map<string, TensorFile>()

/**
 * The table of a shipped embedder. Its largest tensor, `codes`, is read where `load` is asked for it: one prompt needs little of it.
 * Throws DataError where it cannot be read or is not whole.
 */
export async function readEmbedderTable(id: string, folder = packageRoot()): Promise<TensorFile> {
  const file = join(folder, 'checkpoints', 'embedders', `${id}.safetensors`)
  const table = tables.get(file) ?? openTable(file)
  tables.set(file, table)
  return table
}

function openTable(file: string): TensorFile {
  try {
    const { bytes, read } = openBytes(file)
    read(0, BLOCK)
    const table = decodeSafetensors(bytes, file)
    const load = (name: string, from: number, to: number) => {
      const { byteOffset, BYTES_PER_ELEMENT } = table.tensors[name]!.data
      read(byteOffset + from * BYTES_PER_ELEMENT, byteOffset + to * BYTES_PER_ELEMENT)
    }
    for (const [name, { data }] of Object.entries(table.tensors)) if (name !== 'codes') load(name, 0, data.length)
    return { file, ...table, load }
  } catch (error) {
    throw unreadable(file, error, 'the table of an embedder', 'Install llmroute again.')
  }
}

/** Memory as long as the file, and a function that fills what lies between two places of it where it has not been filled. */
function openBytes(file: string): { bytes: Uint8Array; read: (from: number, to: number) => void } {
  const descriptor = openSync(file, 'r')
  const { size } = fstatSync(descriptor)
  const bytes = new Uint8Array(size)
  const isRead = new Uint8Array(Math.ceil(size / BLOCK))
  return {
    bytes,
    read(from, to) {
      for (let block = Math.floor(from / BLOCK); block * BLOCK < Math.min(to, size); block++) {
        if (isRead[block] === 1) continue
        const start = block * BLOCK
        const length = Math.min(BLOCK, size - start)
        if (readSync(descriptor, bytes, start, length, start) !== length) {
          throw new DataError(file, undefined, `expected ${size} bytes, got fewer. Install llmroute again.`)
        }
        isRead[block] = 1
      }
    },
  }
}

/** The weights of a shipped classifier of texts. Throws DataError where they cannot be read or are not whole. */
export async function readClassifier(id: string): Promise<TensorFile> {
  return readTensors(join(packageRoot(), 'checkpoints', 'classifiers', `${id}.safetensors`), 'weights of a classifier')
}

function readTensors(file: string, expected: string): TensorFile {
  try {
    return { file, ...decodeSafetensors(readFileSync(file), file) }
  } catch (error) {
    throw unreadable(file, error, expected, 'Install llmroute again.')
  }
}
