import type { Model } from '../types.ts'
import { withoutCredentials } from '../upstream/secrets.ts'
import { isError } from '../upstream/stream_start.ts'

/** Events of a stream as they may be shown. Of those that tell of an error the credentials are taken out: some endpoints quote the key that they refuse. */
export function shown(events: Uint8Array, model: Model): Uint8Array {
  const bytes = Buffer.from(events.buffer, events.byteOffset, events.byteLength)
  return bytes.includes('"error"') &&
    bytes
      .toString('latin1')
      .split(/[\r\n]+/)
      .some(tellsError)
    ? withoutCredentials(bytes, model)
    : events
}

function tellsError(line: string): boolean {
  if (!line.startsWith('data:')) return false
  const data = line.slice(5)
  return isError(data) || /"response\.failed"|"finish_reason"\s*:\s*"error"/.test(data)
}
