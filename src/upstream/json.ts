const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]

/** Objects and arrays in one another: more is not what an endpoint says, and whoever writes it out again would run out of stack. */
const DEEPEST = 256

const MARK = 0xfeff

/** Parsed JSON, which may begin with a byte-order mark; undefined where it is none, or nested deeper than 256. */
export function parseJson(text: string): unknown {
  if (isTooDeep(text)) return undefined
  try {
    return JSON.parse(text.charCodeAt(0) === MARK ? text.slice(1) : text)
  } catch {
    return undefined
  }
}

function isTooDeep(text: string): boolean {
  // Each takes two characters.
  if (text.length <= 2 * DEEPEST) return false
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) i = endOfString(text, i)
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > DEEPEST) return true
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--
  }
  return false
}

/** Where the string that opens at `start` closes; the length of the text where it does not. */
function endOfString(text: string, start: number): number {
  for (let end = start; ; ) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
}
