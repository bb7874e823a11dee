import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs'
import { readDocument } from './config_document.ts'
import { type Edit, edited } from './config_edit.ts'
import { writeWhole } from './write_whole.ts'

/**
 * Changes a configuration; all else in it stays as it is. A file that is not there is made.
 * @param edits of what the file says, {} where there is none.
 * @throws DataError where it is no YAML, or cannot be written; what `edits` throws.
 */
export async function saveEdits(
  file: string,
  edits: (content: Readonly<Record<string, unknown>>) => readonly Edit[],
): Promise<void> {
  const isThere = existsSync(file)
  const { content, problems } = isThere ? await readDocument(file) : { content: {}, problems: [] }
  if (problems[0]) throw problems[0]
  const changes = edits((content ?? {}) as Record<string, unknown>)
  const mode = isThere ? statSync(file).mode : undefined
  await writeWhole(file, await edited(isThere ? readFileSync(file, 'utf8') : '', changes))
  // Who may read it was somebody's decision.
  if (mode !== undefined) chmodSync(file, mode)
}
