import { addTokenFields, type TokenFields } from '../upstream/usage.ts'
import { writtenBytes } from '../upstream/written.ts'

/** What an answer in events says about itself. */
export interface StreamFigures {
  readonly usage: TokenFields
  /** Of the Responses API; undefined where no event tells it. */
  readonly responseId: unknown
  /** Of UTF-8 that the model wrote, in all choices. */
  readonly writtenBytes: number
}

/** Looks into an event stream that passes by; never changes it. */
export interface StreamWatcher {
  /** Takes whole events. What is a part of one, which was too long to be held, tells nothing. */
  see(events: Uint8Array): void
  figures(): StreamFigures
}

/** Watches a stream of server-sent events as `createWholeEvents` lets it pass. It keeps nothing of what it has seen. */
export function createStreamWatcher(): StreamWatcher {
  const usage: TokenFields = {}
  let written = 0
  let responseId: unknown

  function take(data: string): void {
    // The space that may stand before the data is one that JSON allows.
    if (!data.trimStart().startsWith('{')) return
    try {
      const event = JSON.parse(data)
      // Anthropic's form tells tokens of input and output in different events.
      addTokenFields(usage, event.usage ?? event.response?.usage ?? event.message?.usage)
      responseId ??= event.response?.id
      written += writtenBytes(event.delta, true)
      // Some endpoints tell all that was said so far in each chunk, as `message`.
      for (const choice of Array.isArray(event.choices) ? event.choices : []) {
        written += writtenBytes(choice?.delta) + writtenBytes(choice?.text, true)
      }
    } catch {}
  }

  return {
    see(events) {
      const text = Buffer.from(events.buffer, events.byteOffset, events.byteLength).toString('utf8')
      let data = ''
      for (const line of text.includes('\r') ? text.split(/\r\n?|\n/) : text.split('\n')) {
        const field = line.startsWith('\ufeff') ? line.slice(1) : line
        if (field.startsWith('data:')) data = data === '' ? field.slice(5) : `${data}\n${field.slice(5)}`
        else if (line === '') {
          take(data)
          data = ''
        }
      }
      take(data)
    },
    figures: () => ({ usage, responseId, writtenBytes: written }),
  }
}
