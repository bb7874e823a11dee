import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { DataError } from '../errors.ts'
import { readCheckpoint, type StoredCheckpoint } from './checkpoint.ts'
import { unreadable } from './file_errors.ts'
import { importedMetadata } from './imported_model.ts'

/** What llmroute says about the model beside it: an ordinary checkpoint file. */
const OURS = 'llmroute.safetensors'
/** End of the name of the architecture → the strategy that it serves. */
const STRATEGIES = [
  [/ForSequenceClassification$/, 'bert'],
  [/(ForCausalLM|LMHeadModel)$/, 'causal_llm'],
] as const

/**
 * A folder in the Hugging Face ONNX layout as a checkpoint: config.json, tokenizer.json, onnx/model*.onnx. Where
 * llmroute.safetensors lies in it, that says what the model is, and its options `modelFile` and `modelSha256` which file it
 * was made with; else the model is imported, and config.json says which strategy it serves.
 * @throws DataError where the folder holds no model of a kind known, or another than llmroute.safetensors was made with.
 */
export async function readModelFolder(folder: string): Promise<StoredCheckpoint> {
  const ours = join(folder, OURS)
  if (!existsSync(ours)) return readImported(folder)
  const checkpoint = await readCheckpoint(ours)
  const { modelFile, modelSha256 } = checkpoint.metadata.options
  if (typeof modelFile === 'string' && sha256Of([join(folder, modelFile)]) !== modelSha256) {
    throw new DataError(
      join(folder, modelFile),
      undefined,
      `expected the model that ${OURS} was made with, got another. Copy or make the folder again.`,
    )
  }
  return { ...checkpoint, file: folder, model: folder }
}

function readImported(folder: string): StoredCheckpoint {
  const config = join(folder, 'config.json')
  const [architecture = 'none'] = architecturesOf(config)
  const strategy = STRATEGIES.find(([end]) => end.test(architecture))?.[1]
  if (!strategy) {
    throw new DataError(
      config,
      undefined,
      `expected an architecture that ends in ForSequenceClassification or ForCausalLM, got ${architecture}. Export the model with its head.`,
    )
  }
  const models = modelFiles(folder)
  if (models.length === 0) {
    throw new DataError(
      folder,
      undefined,
      'expected onnx/model.onnx or another onnx/model*.onnx, got none. Export it to ONNX.',
    )
  }
  let sha256: string | undefined
  return {
    metadata: importedMetadata(strategy),
    tensors: {},
    model: folder,
    file: folder,
    /** Of the model files: they can be large, and few ask. */
    get sha256() {
      sha256 ??= sha256Of(models)
      return sha256
    },
  }
}

function architecturesOf(config: string): readonly string[] {
  try {
    const { architectures } = JSON.parse(readFileSync(config, 'utf8')) as { architectures?: unknown }
    return Array.isArray(architectures) ? architectures.filter(name => typeof name === 'string') : []
  } catch (error) {
    if (error instanceof SyntaxError) throw new DataError(config, undefined, 'expected JSON, got something else.')
    throw unreadable(config, error, 'the configuration of a model in the Hugging Face ONNX layout')
  }
}

function modelFiles(folder: string): string[] {
  const onnx = join(folder, 'onnx')
  if (!existsSync(onnx)) return []
  return readdirSync(onnx)
    .filter(name => /^model.*\.onnx(_data.*)?$/.test(name))
    .sort()
    .map(name => join(onnx, name))
}

/** Of the bytes of files one after the other, hexadecimal. */
function sha256Of(files: readonly string[]): string {
  const hash = createHash('sha256')
  const window = new Uint8Array(1 << 20)
  for (const file of files) {
    try {
      const handle = openSync(file, 'r')
      for (let read = readSync(handle, window); read > 0; read = readSync(handle, window)) {
        hash.update(window.subarray(0, read))
      }
      closeSync(handle)
    } catch (error) {
      throw unreadable(file, error)
    }
  }
  return hash.digest('hex')
}
