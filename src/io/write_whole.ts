import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { unwritable } from './file_errors.ts'
import { commitPartial, discardPartial, openPartial, requireReplaceable } from './partial_file.ts'

/**
 * Checks that a file can be written, before the work that ends with writing it.
 * @throws UsageError where something else has its name, DataError where its folder cannot be written to.
 */
export async function requireWritable(file: string, flag: string): Promise<void> {
  await requireReplaceable(file, flag)
  try {
    await access(dirname(resolve(file)), constants.W_OK)
  } catch (error) {
    throw unwritable(file, error)
  }
}

/** Writes a text file whole or not at all. Throws DataError where it cannot, as when the disk is full. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const partial = await openPartial(file, 0)
  try {
    await partial.write(Buffer.from(text))
    await partial.close()
    await commitPartial(file)
  } catch (error) {
    await discardPartial(file)
    throw error
  }
}
