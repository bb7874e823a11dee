/** One server-sent event. */
export interface StreamEvent {
  /** Of its `event:` line; '' where there is none. */
  readonly type: string
  /** Of its `data:` lines, joined with line feeds. */
  readonly data: string
}

/** Takes bytes as they come, gives events when they are whole. */
export interface EventParser {
  push(bytes: Uint8Array): readonly StreamEvent[]
  /** What is left where the stream ended without an empty line. */
  end(): readonly StreamEvent[]
}

/** Server-sent events as WHATWG has them: lines end in LF, CR or CRLF, pieces may end anywhere, in a character too. */
export function createEventParser(): EventParser {
  const decoder = new TextDecoder()
  /** Of a line whose end has not come. */
  let pieces: string[] = []
  let isAfterCr = false
  let type = ''
  let data: string[] = []
  let events: StreamEvent[] = []

  const dispatch = () => {
    if (data.length > 0) events.push({ type, data: data.join('\n') })
    type = ''
    data = []
  }
  const take = (line: string) => {
    if (line === '') return dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') data.push(value)
    else if (field === 'event') type = value
  }
  const takeLines = (text: string) => {
    // The LF of a CRLF may come in the next piece.
    let start = isAfterCr && text.startsWith('\n') ? 1 : 0
    if (text !== '') isAfterCr = false
    for (let i = start; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code !== LF && code !== CR) continue
      take(pieces.join('') + text.slice(start, i))
      pieces = []
      if (code === CR && i + 1 === text.length) isAfterCr = true
      else if (code === CR && text.charCodeAt(i + 1) === LF) i++
      start = i + 1
    }
    if (start < text.length) pieces.push(text.slice(start))
  }
  const given = () => {
    const whole = events
    events = []
    return whole
  }
  return {
    push(bytes) {
      takeLines(decoder.decode(bytes, { stream: true }))
      return given()
    },
    end() {
      takeLines(decoder.decode())
      if (pieces.length > 0) take(pieces.join(''))
      dispatch()
      return given()
    },
  }
}

const [LF, CR] = [10, 13]
