import { printable } from '../registry.ts'

/** A cell that is not what it should be. The message says `expected …, got ….` and gains file and line from the caller. */
export class CellError extends Error {
  override readonly name = 'CellError'
}

/** A number in 0..1. Throws CellError. */
export function share(cell: string, column: string): number {
  const value = cell.trim() === '' ? Number.NaN : Number(cell)
  if (value >= 0 && value <= 1) return value
  throw new CellError(`expected ${printable(column)} to be a number from 0 to 1, got ${shown(cell)}.`)
}

/** A number in 0..1, NaN where the cell is empty. Throws CellError. */
export function shareOrNothing(cell: string, column: string): number {
  return cell.trim() === '' ? Number.NaN : share(cell, column)
}

/** US dollars, NaN where the cell is empty. Throws CellError. */
export function dollarsOrNothing(cell: string, column: string): number {
  if (cell.trim() === '') return Number.NaN
  const value = Number(cell)
  if (value >= 0 && Number.isFinite(value)) return value
  throw new CellError(`expected ${printable(column)} to be dollars of 0 or more, got ${shown(cell)}.`)
}

/** A cell for a message. Only a short one is quoted: a long one may be a prompt that slipped out of its column. */
export function shown(cell: string): string {
  const text = cell.trim()
  if (text === '') return 'an empty cell'
  return text.length <= 20 ? `"${printable(text)}"` : `a text of ${text.length} characters`
}
