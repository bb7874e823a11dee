import { UsageError } from '../errors.ts'
import { didYouMean, printable } from '../registry.ts'
import { type Facts, type Field, fieldOf, WEEKDAYS } from './rule_fields.ts'

/** A condition of a rule, checked. */
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }
  | { readonly kind: 'equals'; readonly field: Field; readonly values: ReadonlySet<string> }
  | { readonly kind: 'test'; readonly field: Field; isTrue(value: unknown): boolean }

/** Makes a test of a text from a pattern. Throws where the pattern is not valid. */
export type CompileRegex = (pattern: string) => (text: string) => boolean

/**
 * A `when` block as a condition: all of its fields, `and`, `or` and `not` must hold.
 * @param where of messages: `policy rules: rule 2: when`
 * @throws UsageError
 */
export function parseCondition(block: unknown, where: string, compile: CompileRegex): Condition {
  const parts = Object.entries(recordOf(block, where, 'fields')).map(([name, value]): Condition => {
    const place = `${where}.${printable(name)}`
    if (name === 'and' || name === 'or') {
      const parts = listOf(value, place).map((part, i) => parseCondition(part, `${place}.${i + 1}`, compile))
      return { kind: name, parts }
    }
    if (name === 'not') return { kind: 'not', part: parseCondition(value, place, compile) }
    if ((name === 'metadata' || name === 'needs') && isRecord(value)) {
      const named = Object.entries(value).map(([key, inner]) => [`${name}.${key}`, inner])
      return parseCondition(Object.fromEntries(named), where, compile)
    }
    return fieldCondition(name, value, place, compile)
  })
  return parts.length === 1 ? parts[0]! : { kind: 'and', parts }
}

/** Whether a condition holds. A field that a request has not equals nothing, is in no range and matches no pattern. */
export function holds(condition: Condition, facts: Facts): boolean {
  switch (condition.kind) {
    case 'and':
      return condition.parts.every(part => holds(part, facts))
    case 'or':
      return condition.parts.some(part => holds(part, facts))
    case 'not':
      return !holds(condition.part, facts)
    case 'equals': {
      const key = equalityKey(condition.field.read(facts))
      return key !== undefined && condition.values.has(key)
    }
    case 'test':
      return condition.isTrue(condition.field.read(facts))
  }
}

/** What equality compares: texts, numbers and truth values by how they are written, so that columns of a file count too. */
export function equalityKey(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

const OPERATORS = ['eq', 'ne', 'in', 'gt', 'gte', 'lt', 'lte', 'regex', 'exists', 'not', 'zone'] as const

function fieldCondition(name: string, value: unknown, where: string, compile: CompileRegex): Condition {
  const operators = isRecord(value) ? value : Array.isArray(value) ? { in: value } : { eq: value }
  const { zone, ...tests } = operators
  const field = withPlace(where, () => {
    if (zone === undefined) return fieldOf(name)
    if (name === 'time' || name === 'weekday') return fieldOf(name, String(zone))
    throw new UsageError('expected zone of time and weekday only')
  })
  const names = Object.keys(tests)
  if (names.length === 0) throw new UsageError(`${where}: expected a value or an operator, got none.`)
  const parts = names.map(operator => {
    const known = OPERATORS.find(candidate => candidate === operator)
    if (known && known !== 'zone')
      return operatorCondition(field, known, tests[operator], `${where}.${operator}`, compile)
    throw new UsageError(
      `${where}: unknown operator "${printable(operator)}".${didYouMean(operator, OPERATORS)} Available: ${OPERATORS.join(', ')}.`,
    )
  })
  return parts.length === 1 ? parts[0]! : { kind: 'and', parts }

  function operatorCondition(
    field: Field,
    operator: Exclude<(typeof OPERATORS)[number], 'zone'>,
    operand: unknown,
    place: string,
    compile: CompileRegex,
  ): Condition {
    switch (operator) {
      case 'eq':
        return { kind: 'equals', field, values: new Set([scalarOf(name, operand, place)]) }
      case 'ne':
        return { kind: 'not', part: { kind: 'equals', field, values: new Set([scalarOf(name, operand, place)]) } }
      case 'in':
        return {
          kind: 'equals',
          field,
          values: new Set(listOf(operand, place).map(item => scalarOf(name, item, place))),
        }
      case 'not': {
        const inner = isRecord(operand) && zone !== undefined ? { ...operand, zone } : operand
        return { kind: 'not', part: fieldCondition(name, inner, place, compile) }
      }
      case 'exists':
        if (typeof operand !== 'boolean') throw expected(place, 'true or false', operand)
        return { kind: 'test', field, isTrue: found => (found !== undefined && found !== null) === operand }
      case 'regex': {
        if (typeof operand !== 'string') throw expected(place, 'a pattern', operand)
        const matches = withPlace(place, () => compile(operand))
        return { kind: 'test', field, isTrue: found => typeof found === 'string' && matches(found) }
      }
      default:
        return { kind: 'test', field, isTrue: rangeTest(operator, scalarOf(name, operand, place), place) }
    }
  }
}

/** Numbers are compared with numbers, or texts that write one; other texts with texts, by code units. */
function rangeTest(operator: 'gt' | 'gte' | 'lt' | 'lte', limit: string, place: string): (value: unknown) => boolean {
  if (limit.trim() === '') throw new UsageError(`${place}: expected a number or a text, got an empty one.`)
  const number = Number(limit)
  const compare = (value: unknown): number => {
    if (!Number.isNaN(number)) return numberOf(value) - number
    if (typeof value !== 'string') return Number.NaN
    return value < limit ? -1 : value > limit ? 1 : 0
  }
  switch (operator) {
    case 'gt':
      return value => compare(value) > 0
    case 'gte':
      return value => compare(value) >= 0
    case 'lt':
      return value => compare(value) < 0
    case 'lte':
      return value => compare(value) <= 0
  }
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
}

/** A value as equality compares it; times as HH:MM, weekdays by three letters. */
function scalarOf(name: string, value: unknown, place: string): string {
  const key = equalityKey(value)
  if (key === undefined) throw expected(place, 'a text, number or truth value', value)
  if (name === 'time') {
    if (/^([01]?\d|2[0-3]):[0-5]\d$|^24:00$/.test(key)) return key.padStart(5, '0')
    throw new UsageError(`${place}: expected a time such as "07:30", got "${printable(key)}".`)
  }
  if (name !== 'weekday') return key
  const day = WEEKDAYS.find(candidate => key.toLowerCase().startsWith(candidate))
  if (day) return day
  throw new UsageError(`${place}: expected a day such as mon, got "${printable(key)}".`)
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function recordOf(value: unknown, where: string, what: string): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value
  throw expected(where, what, value)
}

function listOf(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value
  throw expected(where, 'a list of at least one', value)
}

function expected(where: string, what: string, value: unknown): UsageError {
  const got =
    value === null ? 'nothing' : Array.isArray(value) ? `a list of ${value.length}` : `a value of type ${typeof value}`
  return new UsageError(`${where}: expected ${what}, got ${got}.`)
}

function withPlace<T>(place: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new UsageError(`${place}: ${(error as Error).message.replace(/\.?$/, '.')}`)
  }
}
