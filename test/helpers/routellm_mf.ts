import { encodeSafetensors } from '../../src/io/safetensors.ts'
import type { Tensor } from '../../src/types.ts'

/** Numbers from −1 to 1 as float32, the same as `mf_routellm_numbers` of test/golden/make.py gives. */
export function seededNumbers(count: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

/** The tensors that RouteLLM publishes, in its names and shapes. */
export function routeLlmTensors(): Record<string, Tensor> {
  return {
    'P.weight': { shape: [64, 128], data: seededNumbers(64 * 128, 1) },
    'text_proj.0.weight': { shape: [128, 1536], data: seededNumbers(128 * 1536, 2) },
    'classifier.0.weight': { shape: [1, 128], data: seededNumbers(128, 3) },
  }
}

/** The same as a file: what torch and the Hugging Face hub write. */
export function routeLlmFile(tensors = routeLlmTensors()): Uint8Array {
  return encodeSafetensors({ metadata: { format: 'pt' }, tensors })
}
