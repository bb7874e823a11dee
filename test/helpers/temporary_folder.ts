import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A folder for the files of one test file, removed at its end. */
export function temporaryFolder(): {
  readonly path: string
  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string
} {
  const path = mkdtempSync(join(tmpdir(), 'llmroute-'))
  afterAll(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    write(name, content) {
      writeFileSync(join(path, name), content)
      return join(path, name)
    },
  }
}
