/** One line of JSON with a newline. Numbers that JSON cannot say (Infinity, NaN) are null. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

/** The same over several lines, for documents that people read. */
export function toPrettyJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
