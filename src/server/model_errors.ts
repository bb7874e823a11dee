import type { Model } from '../types.ts'
import { withoutCredentials } from '../upstream/secrets.ts'
import { isError } from '../upstream/stream_start.ts'

/** Whether one of these events of a stream tells that its model failed. */
export function tellsError(events: Uint8Array): boolean {
  const bytes = Buffer.from(events.buffer, events.byteOffset, events.byteLength)
  return (
    bytes.includes('"error"') &&
    bytes
      .toString('latin1')
      .split(/[\r\n]+/)
      .some(isErrorLine)
  )
}

/**
 * Events from the first that tells of an error on, as they may be shown: without credentials, since some endpoints quote the key
 * that they refuse, and without `[DONE]`, by which clients take an answer for whole. May be empty.
 */
export function shownOfFailed(events: Uint8Array, model: Model): Uint8Array {
  const text = Buffer.from(events.buffer, events.byteOffset, events.byteLength).toString('latin1')
  const undone = text.replace(DONE, '')
  return withoutCredentials(undone === text ? events : Buffer.from(undone, 'latin1'), model)
}

/** With the blank line behind it. */
const DONE = /^data: ?\[DONE\][ \t]*(?:\r\n?|\n|$){1,2}/gm

function isErrorLine(line: string): boolean {
  if (!line.startsWith('data:')) return false
  const data = line.slice(5)
  return isError(data) || /"response\.failed"|"finish_reason"\s*:\s*"error"/.test(data)
}
