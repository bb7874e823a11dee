import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DataError } from '../errors.ts'
import type { SequenceClassifier } from '../model_types.ts'
import { unreadable } from './file_errors.ts'
import { misfit, openTokenModel } from './token_runs.ts'
import { readWordPiece } from './wordpiece_files.ts'

/** Quantisations by their files' ends, the one that keeps most first. */
const VARIANTS = ['', '_fp16', '_quantized', '_int8', '_uint8', '_q4', '_q4f16', '_bnb4']
/** Longer prompts lose their end: what is beyond says little of how hard they are, and costs most. */
const MOST_TOKENS = 512

/**
 * Opens a sequence classifier in the Hugging Face ONNX layout: config.json, a tokenizer, onnx/model.onnx or a quantised one. Models
 * of BERT's kind need ONNX Runtime alone; tokenizers of another kind than WordPiece are read by transformers.js.
 * @throws UsageError where a package is absent; DataError where the folder is not whole.
 */
export async function openSequenceClassifier(folder: string): Promise<SequenceClassifier> {
  const path = resolve(folder)
  const labels = readLabels(join(path, 'config.json'))
  const file = modelFile(path)
  const { encode, padding } = (await readWordPiece(path, MOST_TOKENS)) ?? (await openOtherTokens(path))
  const model = await openTokenModel(file, padding)
  const [output] = model.outputNames.includes('logits') ? ['logits'] : model.outputNames
  return {
    labels,
    async logits(texts) {
      const rows = new Float32Array(texts.length * labels.length)
      for await (const { data, dims, places } of model.run(texts.map(encode), output!)) {
        if (dims.length !== 2 || dims[1] !== labels.length) {
          throw misfit(file, `${labels.length} logits a text, as config.json has labels`, `shape ${dims.join(' × ')}`)
        }
        for (const [i, place] of places.entries()) {
          rows.set(data.subarray(i * labels.length, (i + 1) * labels.length), place * labels.length)
        }
      }
      return rows
    },
  }
}

function readLabels(config: string): readonly string[] {
  let content: { id2label?: unknown; num_labels?: unknown }
  try {
    content = JSON.parse(readFileSync(config, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw misfit(config, 'JSON', 'something else')
    throw unreadable(config, error, 'the configuration of a model in the Hugging Face ONNX layout')
  }
  const { id2label, num_labels: count } = content ?? {}
  if (typeof id2label === 'object' && id2label !== null) {
    const names = Object.values(id2label)
    if (names.every((name, id) => typeof name === 'string' && String(id) in id2label)) return names
  }
  // Hugging Face leaves the labels out where they are two without names.
  const number = typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : 2
  return Array.from({ length: number }, (_, id) => `LABEL_${id}`)
}

function modelFile(folder: string): string {
  const files = VARIANTS.flatMap(end => [join(folder, 'onnx', `model${end}.onnx`), join(folder, `model${end}.onnx`)])
  const found = files.find(file => existsSync(file))
  if (found !== undefined) return found
  throw new DataError(folder, undefined, 'expected onnx/model.onnx or a quantised one, got none. Export it to ONNX.')
}

async function openOtherTokens(path: string) {
  const [{ openSentenceTokens }, { readSentenceSettings }] = await Promise.all([
    import('./sentence_tokens.ts'),
    import('./sentence_settings.ts'),
  ])
  const folder = {
    path,
    find: async (name: string) => (existsSync(join(path, name)) ? join(path, name) : undefined),
    advice: "Save the model's tokenizer there.",
  }
  const { maxTokens } = await readSentenceSettings(folder)
  const most = Math.min(maxTokens, MOST_TOKENS)
  return openSentenceTokens(folder, { poolings: [], maxTokens: most, prefix: '', isLowerCased: false, missing: [] })
}
