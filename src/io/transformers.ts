import { importOptional } from './optional_package.ts'

export type Transformers = typeof import('@xenova/transformers')

/**
 * transformers.js, imported on first use: it is not installed with llmroute. It is told to read folders only; whatever comes from
 * elsewhere is downloaded before (hub_model.ts). Throws UsageError where it is absent.
 */
export async function loadTransformers(): Promise<Transformers> {
  const transformers = await importOptional(
    '@xenova/transformers',
    'onnxruntime-node@1.30.0 @xenova/transformers@npm:@huggingface/transformers@4.3.1',
    () => import('@xenova/transformers'),
  )
  const { env, LogLevel } = transformers
  env.allowLocalModels = true
  env.allowRemoteModels = false
  env.useFSCache = false
  env.logLevel = LogLevel.NONE
  return transformers
}
