import { StringDecoder } from 'node:string_decoder'

const [LF, CR] = [10, 13] as const
/** What of an event is kept to look into; beyond, the event is passed on unread. */
const LONGEST_EVENT = 1 << 20

/** Of the Responses form and Anthropic's. */
const LAST_EVENTS = ['response.completed', 'response.incomplete', 'response.failed', 'message_stop', 'error']

/** What an answer in events says about itself. */
export interface StreamFigures {
  readonly usage: unknown
  /** Characters of text in all choices. */
  readonly characters: number
  /** Whether its last event has come, or a reason why the model stopped: what breaks off after that has lost nothing. */
  readonly isDone: boolean
  /** Whether the bytes so far end between two events. */
  readonly isBetweenEvents: boolean
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
  let newlines = 2
  let usage: unknown
  let characters = 0
  let isDone = false

  function take(text: string): void {
    if (!text.startsWith('data:')) return
    const data = text.slice(5).trim()
    if (data === '[DONE]') isDone = true
    if (!data.startsWith('{')) return
    try {
      const event = JSON.parse(data)
      usage = event.usage ?? event.response?.usage ?? event.message?.usage ?? usage
      if (LAST_EVENTS.includes(event.type)) isDone = true
      if (typeof event.delta === 'string') characters += event.delta.length
      if (typeof event.delta?.text === 'string') characters += event.delta.text.length
      for (const choice of Array.isArray(event.choices) ? event.choices : []) {
        if (choice?.finish_reason) isDone = true
        characters += (choice?.delta?.content ?? choice?.text ?? '').length || 0
      }
    } catch {}
  }

  return {
    see(bytes) {
      for (const byte of bytes) {
        if (byte === LF) newlines++
        else if (byte !== CR) newlines = 0
      }
      const text = line + decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      const lines = text.split('\n')
      line = lines.pop()!
      if (line.length > LONGEST_EVENT) line = ''
      for (const whole of lines) take(whole)
    },
    figures: () => ({ usage, characters, isDone, isBetweenEvents: newlines >= 2 }),
  }
}
