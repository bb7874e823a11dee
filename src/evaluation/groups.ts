import { normalizePrompt } from '../text/hash.ts'
import type { Outcomes } from '../types.ts'

/** What keeps rows together besides being the same prompt. */
export type GroupBy = 'category'

/**
 * Rows that must stay on one side of any split, by group in order of appearance: repeats of a prompt, and with `groupBy`
 * all rows of a category and of the categories that it shares a prompt with.
 */
export function groupsOf({ prompts, categories }: Outcomes, groupBy?: GroupBy): number[][] {
  const parent = Int32Array.from(prompts.keys())
  join(prompts.map(normalizePrompt), parent)
  if (groupBy === 'category') join(categories, parent)
  const groups = new Map<number, number[]>()
  for (const row of prompts.keys()) {
    const root = rootOf(row, parent)
    const group = groups.get(root)
    if (group) group.push(row)
    else groups.set(root, [row])
  }
  return [...groups.values()]
}

/** Unites the rows of equal keys (union-find). */
function join(keys: readonly string[], parent: Int32Array): void {
  const first = new Map<string, number>()
  for (const [row, key] of keys.entries()) {
    const other = first.get(key)
    if (other === undefined) first.set(key, row)
    else parent[rootOf(row, parent)] = rootOf(other, parent)
  }
}

function rootOf(row: number, parent: Int32Array): number {
  let root = row
  while (parent[root] !== root) root = parent[root]!
  parent[row] = root
  return root
}
