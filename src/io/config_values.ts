import { v } from '../schema.ts'

// The kinds of values in llmroute.yaml. Each takes what the JSON Schema says of it.

/** Text that is not empty. */
export const text = (description: string) =>
  v.pipe(v.string('expected text'), v.nonEmpty('expected text'), v.description(description))
/** True or false. */
export const flag = (description: string) => v.pipe(v.boolean('expected true or false'), v.description(description))
/** US dollars per million tokens, from 0. */
export const price = (description: string) =>
  v.pipe(
    v.number('expected US dollars per million tokens'),
    v.finite('expected US dollars per million tokens'),
    v.minValue(0, 'expected US dollars per million tokens'),
    v.description(description),
  )
/** A number above 0. */
export const positive = (expected: string, description: string) =>
  v.pipe(
    v.number(`expected ${expected}`),
    v.finite(`expected ${expected}`),
    v.gtValue(0, `expected ${expected}`),
    v.description(description),
  )
/** A whole number from 1 up. */
export const count = (description: string) =>
  v.pipe(
    v.number('expected a whole number from 1 up'),
    v.safeInteger('expected a whole number from 1 up'),
    v.minValue(1, 'expected a whole number from 1 up'),
    v.description(description),
  )
/** 0..1. */
export const share = (description: string) =>
  v.pipe(
    v.number('expected a share from 0 to 1'),
    v.minValue(0, 'expected a share from 0 to 1'),
    v.maxValue(1, 'expected a share from 0 to 1'),
    v.description(description),
  )
/** One of some texts. */
export const oneOf = <const T extends readonly string[]>(options: T, description: string) =>
  v.pipe(v.picklist(options), v.description(description))
/** A list of texts. */
export const list = (item: v.GenericSchema<string>, expected: string, description: string) =>
  v.pipe(v.array(item, `expected ${expected}`), v.description(description))

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const BYTES = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 }
/** Milliseconds, or text with a unit; becomes milliseconds. */
export const duration = (description: string) =>
  amount(MILLISECONDS, 'a time such as 500ms, 30s, 5m, 1h or 1d, or milliseconds', description)
/** Bytes, or text with a unit; becomes bytes. */
export const size = (description: string) => amount(BYTES, 'a size such as 64MB or 1GB, or bytes', description)

/** A number, or one with a unit, as a number. */
function amount(units: Readonly<Record<string, number>>, expected: string, description: string) {
  const message = `expected ${expected}`
  const form = new RegExp(`^(\\d+(?:\\.\\d+)?) ?(${Object.keys(units).join('|')})$`)
  return v.pipe(
    v.union(
      [v.pipe(v.number(), v.minValue(0, message), v.finite(message)), v.pipe(v.string(), v.regex(form, message))],
      message,
    ),
    v.description(`${description} As ${expected}.`),
    v.transform(value => {
      if (typeof value === 'number') return value
      const [, digits, unit] = form.exec(value)!
      return Number(digits) * units[unit!]!
    }),
  )
}

/** Texts by name. */
export const texts = (description: string) =>
  v.pipe(
    v.record(
      v.string(),
      v.string('expected text, in quotes where it looks like a number'),
      'expected names with texts',
    ),
    v.description(description),
  )
