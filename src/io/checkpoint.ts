import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DataError } from '../errors.ts'
import { importRouteLlmMf, isRouteLlmMf } from '../strategies/routellm_mf.ts'
import type { Checkpoint, Tensor } from '../types.ts'
import { parseMetadata } from './checkpoint_metadata.ts'
import { unreadable, unwritable } from './file_errors.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'

/** A checkpoint and the file it came from. */
export interface StoredCheckpoint extends Checkpoint {
  readonly file: string
  /** Of the weights and metadata, as written in the file; of RouteLLM's, of the weights. Hexadecimal. */
  readonly sha256: string
}

/**
 * Reads and checks a checkpoint: one of ours, or RouteLLM's published `mf`, also by the folder that `model.safetensors` is in.
 * @param isShipped came with this package, whose bytes npm has checked: they are not checked again at every start.
 * @throws DataError where it cannot be read, is truncated, altered or not ours.
 */
export async function readCheckpoint(path: string, isShipped = false): Promise<StoredCheckpoint> {
  const inFolder = join(path, 'model.safetensors')
  const file = existsSync(inFolder) ? inFolder : path
  const { metadata: strings, tensors } = decodeSafetensors(readBytes(file), file)
  if (strings.format !== 'llmroute') {
    if (isRouteLlmMf(tensors)) return { ...importRouteLlmMf(tensors, file), file, sha256: digest({}, tensors) }
    throw new DataError(
      file,
      undefined,
      `expected a checkpoint with format "llmroute" in its header, got ${strings.format ? `"${strings.format}"` : 'none'}. Make one with llmroute train.`,
    )
  }
  const { sha256 = '', ...rest } = strings
  if (!isShipped && digest(rest, tensors) !== sha256) {
    throw new DataError(
      file,
      undefined,
      'expected weights that match the sha256 in the header, got others. The file was altered; train or copy it again.',
    )
  }
  return { metadata: parseMetadata(rest, file), tensors, file, sha256 }
}

/** Writes a checkpoint whole or not at all. Returns its sha256. Throws DataError where it cannot be written. */
export async function writeCheckpoint(file: string, { metadata, tensors }: Checkpoint): Promise<string> {
  const strings: Record<string, string> = { format: 'llmroute', version: '1' }
  for (const [key, value] of Object.entries(metadata)) {
    if (value !== undefined) strings[key] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  const sha256 = digest(strings, tensors)
  const temporary = `${file}.partial`
  try {
    writeFileSync(temporary, encodeSafetensors({ metadata: { ...strings, sha256 }, tensors }))
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw unwritable(file, error)
  }
  return sha256
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    throw unreadable(file, error, 'a checkpoint file', 'llmroute list checkpoints shows the shipped ones.')
  }
}

/** Over the metadata and every tensor's name, shape and bytes, in the order of the names. */
function digest(strings: Readonly<Record<string, string>>, tensors: Readonly<Record<string, Tensor>>): string {
  const hash = createHash('sha256')
  for (const key of Object.keys(strings).sort()) hash.update(JSON.stringify([key, strings[key]]))
  for (const name of Object.keys(tensors).sort()) {
    const { shape, data } = tensors[name]!
    hash.update(JSON.stringify([name, data.constructor.name, shape]))
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest('hex')
}
