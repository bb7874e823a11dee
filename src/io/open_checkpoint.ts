import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isEndpoint } from '../strategies/label_endpoint.ts'
import { readCheckpoint, type StoredCheckpoint } from './checkpoint.ts'

/**
 * What `--checkpoint` names: a file that `llmroute train` wrote, a folder with a neural model in the Hugging Face ONNX layout,
 * or an endpoint with the name of its model, as in `http://localhost:8000/v1#llama-3`.
 * @param isShipped as of `readCheckpoint`.
 * @throws DataError where it cannot be read or is of no kind known; UsageError for an address that cannot be used.
 */
export async function openCheckpoint(source: string, isShipped = false): Promise<StoredCheckpoint> {
  if (isEndpoint(source)) return (await import('./imported_model.ts')).describeEndpoint(source)
  const has = (name: string) => existsSync(join(source, name))
  const isFolder = statSync(source, { throwIfNoEntry: false })?.isDirectory()
  // RouteLLM's mf is published as a folder too, without a model to run.
  if (!isFolder || (has('model.safetensors') && !has('onnx'))) return readCheckpoint(source, isShipped)
  const { readModelFolder } = await import('./model_folder.ts')
  return readModelFolder(source)
}
