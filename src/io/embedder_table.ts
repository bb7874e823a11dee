import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TensorFile } from '../types.ts'
import { packageRoot } from './catalog.ts'
import { unreadable } from './file_errors.ts'
import { decodeSafetensors } from './safetensors.ts'

/** The table of a shipped embedder, as views of its file. Throws DataError where it cannot be read or is not whole. */
export async function readEmbedderTable(id: string, folder = packageRoot()): Promise<TensorFile> {
  const file = join(folder, 'checkpoints', 'embedders', `${id}.safetensors`)
  return { file, ...decodeSafetensors(readBytes(file), file) }
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    throw unreadable(file, error, 'the table of an embedder', 'Install llmroute again.')
  }
}
