import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TensorFile } from '../types.ts'
import { packageRoot } from './catalog.ts'
import { unreadable } from './file_errors.ts'
import { decodeSafetensors } from './safetensors.ts'

/** The table of a shipped embedder, as views of its file. Throws DataError where it cannot be read or is not whole. */
export async function readEmbedderTable(id: string, folder = packageRoot()): Promise<TensorFile> {
  return readTensors(join(folder, 'checkpoints', 'embedders', `${id}.safetensors`), 'the table of an embedder')
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
