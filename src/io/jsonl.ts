import { DataError } from '../errors.ts'
import type { Csv } from './csv.ts'

/**
 * Reads one JSON object a line as if it were a table: the columns are the keys of all objects in order of appearance.
 * Strings stay as they are, null and absent keys are empty cells, anything else becomes its JSON.
 * @throws DataError with the line that holds no JSON object.
 */
export function parseJsonl(bytes: Uint8Array, file: string): Csv {
  const columns = new Map<string, number>()
  const rows: string[][] = []
  const lines: number[] = [1]
  let line = 0
  for (const text of new TextDecoder().decode(bytes).split('\n')) {
    line++
    if (text.trim() === '') continue
    const cells: string[] = []
    for (const [key, value] of Object.entries(parseObject(text, file, line))) {
      if (!columns.has(key)) columns.set(key, columns.size)
      cells[columns.get(key)!] = typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)
    }
    rows.push(cells)
    lines.push(line)
  }
  if (rows.length === 0) return { rows: [], lineOf: () => 1 }
  const padded = rows.map(cells => Array.from({ length: columns.size }, (_, i) => cells[i] ?? ''))
  return { rows: [[...columns.keys()], ...padded], lineOf: index => lines[index]! }
}

function parseObject(text: string, file: string, line: number): object {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new DataError(file, line, 'expected one JSON object a line, got text that is no JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DataError(file, line, `expected one JSON object a line, got ${describe(value)}.`)
  }
  return value
}

function describe(value: unknown): string {
  return Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`
}
