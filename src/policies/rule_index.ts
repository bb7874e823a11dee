import { type Condition, equalityKey, holds } from './rule_conditions.ts'
import type { Facts, Field } from './rule_fields.ts'

/** Gives the rules whose condition holds, one after the other. */
export interface RuleIndex {
  /** A walk over them: each call gives the number of the next rule, from 0, or -1 where there is none left. */
  matches(facts: Facts): () => number
}

/**
 * Builds the index. A condition that cannot hold unless a field equals one of some values is looked at only for requests with
 * such a value, found by hash; of several such fields by the one that the fewest rules share. All others are tried in order.
 */
export function createRuleIndex(conditions: readonly Condition[]): RuleIndex {
  const anchors = conditions.map(anchorsOf)
  const counts = new Map<string, number>()
  for (const key of anchors.flat().flatMap(pairsOf)) counts.set(key, (counts.get(key) ?? 0) + 1)
  const weigh = (anchor: Anchor) => pairsOf(anchor).reduce((sum, key) => sum + counts.get(key)!, 0)

  const unanchored: number[] = []
  const tables = new Map<string, { readonly field: Field; readonly rules: Map<string, number[]> }>()
  for (const [rule, choices] of anchors.entries()) {
    if (choices.length === 0) unanchored.push(rule)
    for (const { field, value } of lightest(choices, weigh) ?? []) {
      const { rules } = tables.get(field.name) ?? tables.set(field.name, { field, rules: new Map() }).get(field.name)!
      const list = rules.get(value)
      if (!list) rules.set(value, [rule])
      else if (list.at(-1) !== rule) list.push(rule)
    }
  }
  const hashed = [...tables.values()]

  return {
    matches(facts) {
      const lists: (readonly number[])[] = [unanchored]
      for (const { field, rules } of hashed) {
        const key = equalityKey(field.read(facts))
        const list = key === undefined ? undefined : rules.get(key)
        if (list) lists.push(list)
      }
      const heads = lists.map(() => 0)
      return () => {
        for (;;) {
          const rule = smallestHead(lists, heads)
          if (rule < 0 || holds(conditions[rule]!, facts)) return rule
        }
      }
    },
  }
}

/** Pairs of field and value one of which a request must have for a condition to hold. */
type Anchor = readonly { readonly field: Field; readonly value: string }[]

const pairsOf = (anchor: Anchor) => anchor.map(({ field, value }) => `${field.name}\0${value}`)

/** Every way to anchor the condition: none where it may hold whatever the fields equal. */
function anchorsOf(condition: Condition): readonly Anchor[] {
  switch (condition.kind) {
    case 'equals':
      return [[...condition.values].map(value => ({ field: condition.field, value }))]
    case 'and':
      return condition.parts.flatMap(anchorsOf)
    case 'or': {
      const choices = condition.parts.map(anchorsOf)
      return choices.some(anchors => anchors.length === 0) ? [] : [choices.flatMap(anchors => shortest(anchors))]
    }
    default:
      return []
  }
}

const shortest = (anchors: readonly Anchor[]): Anchor => lightest(anchors, anchor => anchor.length)!

function lightest(anchors: readonly Anchor[], weigh: (anchor: Anchor) => number): Anchor | undefined {
  let best: Anchor | undefined
  let least = Number.POSITIVE_INFINITY
  for (const anchor of anchors) {
    const weight = weigh(anchor)
    if (weight >= least) continue
    best = anchor
    least = weight
  }
  return best
}

/** Takes the smallest number off the lists, wherever it stands; -1 where all are used up. */
function smallestHead(lists: readonly (readonly number[])[], heads: number[]): number {
  let smallest = Number.POSITIVE_INFINITY
  for (let i = 0; i < lists.length; i++) smallest = Math.min(smallest, lists[i]![heads[i]!] ?? smallest)
  if (smallest === Number.POSITIVE_INFINITY) return -1
  for (let i = 0; i < lists.length; i++) if (lists[i]![heads[i]!] === smallest) heads[i]!++
  return smallest
}
