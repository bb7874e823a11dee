import { UsageError } from '../errors.ts'
import type { SentenceEncoder } from '../types.ts'

/** A sentence encoder in the Hugging Face ONNX layout. */
export async function openSentenceEncoder(source: string, _: { readonly offline: boolean }): Promise<SentenceEncoder> {
  throw new UsageError(`transformers:${source}: expected a sentence encoder, got none.`)
}
