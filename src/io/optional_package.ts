import { UsageError } from '../errors.ts'

/**
 * Imports a package that users install only when they need it.
 * @param name how it is imported.
 * @param wanted what npm is told to install.
 * @throws UsageError with the command that adds it where it is absent; with the reason where it is there and does not load.
 */
export async function importOptional<T>(name: string, wanted: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const isAbsent = code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`)
    const found = isAbsent ? 'none; it runs neural models and is left out of the installation' : message.split('\n')[0]
    // The variable keeps ONNX Runtime's installer from downloading CUDA, which nothing here uses.
    const command = `ONNXRUNTIME_NODE_INSTALL=skip npm install ${wanted}`
    throw new UsageError(`${name}: expected the package, got ${found}. Add it where llmroute is installed:\n${command}`)
  }
}
