import { isMainThread } from 'node:worker_threads'
import { DataError } from '../errors.ts'
import { importOptional } from './optional_package.ts'

export type OnnxRuntime = typeof import('onnxruntime-node')

/** What can be run: `run` takes tensors by name, and gives tensors by name. */
export type OnnxSession = Awaited<ReturnType<OnnxRuntime['InferenceSession']['create']>>

/** ONNX Runtime, imported on first use: it is 290 MB and not installed with llmroute. Throws UsageError where it is absent. */
export function loadOnnxRuntime(): Promise<OnnxRuntime> {
  return importOptional('onnxruntime-node', 'onnxruntime-node@1.30.0', () => import('onnxruntime-node'))
}

/**
 * A model file, ready to run. In a worker thread a session computes on that thread alone: there are as many workers as cores.
 * @throws DataError naming the file where it is no whole ONNX model; UsageError where ONNX Runtime is absent.
 */
export async function openOnnxSession(file: string): Promise<OnnxSession> {
  const { InferenceSession: sessions } = await loadOnnxRuntime()
  try {
    return await sessions.create(file, {
      logSeverityLevel: 3,
      ...(isMainThread ? {} : { intraOpNumThreads: 1, interOpNumThreads: 1 }),
    })
  } catch (error) {
    const [reason] = String((error as Error).message).split('\n')
    throw new DataError(
      file,
      undefined,
      `expected a whole ONNX model, got what ONNX Runtime refuses: ${reason!.slice(0, 200)} Export or download it again.`,
    )
  }
}
