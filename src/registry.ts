import { UsageError } from './errors.ts'

/** One thing that can be named on the command line. `load` imports it on first use. */
export interface Entry<T> {
  readonly summary: string
  load(): Promise<T>
}

/** id → entry. Ids match `[a-z0-9_]+` and equal the file name. */
export type Registry<T> = Readonly<Record<string, Entry<T>>>

/**
 * The entry under `id`.
 * @param noun what the registry holds, for the message: 'strategy', 'policy', …
 * @throws UsageError naming the nearest and all ids.
 */
export function lookUp<T>(registry: Registry<T>, id: string, noun: string): Entry<T> {
  if (Object.hasOwn(registry, id)) return registry[id]!
  throw unknownName(noun, id, Object.keys(registry))
}

/** `Unknown strategy "rand". Did you mean "random"? Available: …` */
export function unknownName(noun: string, name: string, available: readonly string[]): UsageError {
  return new UsageError(
    `Unknown ${noun} "${printable(name)}".${didYouMean(name, available)} Available: ${available.join(', ')}.`,
  )
}

/** ` Did you mean "random"?`, or nothing where no name is near. */
export function didYouMean(name: string, available: readonly string[]): string {
  const nearest = available
    .map(candidate => ({
      candidate,
      distance: editDistance(name.slice(0, 100).toLowerCase(), candidate.toLowerCase()),
    }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, candidate.length / 2) && distance < candidate.length)
    .sort((a, b) => a.distance - b.distance)[0]
  return nearest ? ` Did you mean "${nearest.candidate}"?` : ''
}

/** A name as it may stand in a message: short, and without control characters. */
export function printable(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  const clean = name.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
  return clean.length > 60 ? `${clean.slice(0, 60)}…` : clean
}

/** What a value of JSON is, in words for a message. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Levenshtein distance, with a swap of neighbours and a missing tail (`rand` for `random`) counted cheaply. */
function editDistance(a: string, b: string): number {
  if (b.startsWith(a) && a.length >= 2) return 1
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    previous = row
  }
  return previous[b.length]!
}
