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
  let rest = ''
  let scanned = 0
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
  const takeLines = (isLast: boolean) => {
    let start = 0
    for (let i = scanned; i < rest.length; i++) {
      const code = rest.charCodeAt(i)
      if (code !== LF && code !== CR) continue
      // The LF of a CRLF may be in the next piece.
      if (code === CR && i + 1 === rest.length && !isLast) break
      take(rest.slice(start, i))
      if (code === CR && rest.charCodeAt(i + 1) === LF) i++
      start = i + 1
    }
    rest = rest.slice(start)
    scanned = rest.endsWith('\r') ? rest.length - 1 : rest.length
  }
  const given = () => {
    const whole = events
    events = []
    return whole
  }
  return {
    push(bytes) {
      rest += decoder.decode(bytes, { stream: true })
      takeLines(false)
      return given()
    },
    end() {
      rest += decoder.decode()
      takeLines(true)
      if (rest !== '') take(rest)
      dispatch()
      return given()
    },
  }
}

const [LF, CR] = [10, 13]
