import { StringDecoder } from 'node:string_decoder'
import { writtenBytes } from '../upstream/written.ts'

/** What of an event is kept to look into; beyond, the event is passed on unread. */
const LONGEST_EVENT = 1 << 20

/** What an answer in events says about itself. */
export interface StreamFigures {
  readonly usage: unknown
  /** Of the Responses API; undefined where no event tells it. */
  readonly responseId: unknown
  /** Of UTF-8 that the model wrote, in all choices. */
  readonly writtenBytes: number
}

/** Looks into an event stream that passes by; never changes it. */
export interface StreamWatcher {
  see(bytes: Uint8Array): void
  figures(): StreamFigures
}

/** Watches a stream of server-sent events, cut anywhere. */
export function createStreamWatcher(): StreamWatcher {
  const decoder = new StringDecoder('utf8')
  let line = ''
  let usage: Record<string, unknown> = {}
  let written = 0
  let responseId: unknown

  function take(text: string): void {
    if (!text.startsWith('data:')) return
    const data = text.slice(5).trim()
    if (!data.startsWith('{')) return
    try {
      const event = JSON.parse(data)
      // Anthropic's form tells tokens of input and output in different events.
      usage = { ...usage, ...(event.usage ?? event.response?.usage ?? event.message?.usage) }
      responseId ??= event.response?.id
      written += writtenBytes(event.delta, true)
      // Some endpoints tell all that was said so far in each chunk, as `message`.
      for (const choice of Array.isArray(event.choices) ? event.choices : []) {
        written += writtenBytes(choice?.delta) + writtenBytes(choice?.text, true)
      }
    } catch {}
  }

  return {
    see(bytes) {
      const { buffer, byteOffset, byteLength } = bytes
      const piece = Buffer.from(buffer, byteOffset, byteLength)
      const text = line + decoder.write(piece)
      const lines = text.split('\n')
      line = lines.pop()!
      if (line.length > LONGEST_EVENT) line = ''
      for (const whole of lines) take(whole)
    },
    figures: () => ({ usage, responseId, writtenBytes: written }),
  }
}
