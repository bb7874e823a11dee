/** Read no further: what a prompt is written in shows at its beginning. */
const MOST = 800

/**
 * The part of a text that is written in a human language, from its beginning: fenced code, lines that look like code,
 * addresses, and words with digits or signs inside are left out.
 */
export function proseOf(text: string): string {
  const head = text.length > MOST ? text.slice(0, MOST) : text
  if (!SUSPICIOUS.test(head)) return head
  const kept: string[] = []
  let isFenced = false
  for (const line of head.split('\n')) {
    if (FENCE.test(line)) isFenced = !isFenced
    else if (!isFenced && !isCodeLine(line)) kept.push(line.replace(ADDRESS, ' ').replace(IDENTIFIER, ' '))
  }
  return kept.join('\n')
}

/**
 * Whether a line looks like source code: it begins as a statement does, ends as one does, or has more signs of code than
 * words of prose bear.
 */
export function isCodeLine(line: string): boolean {
  if (BEGINS.test(line) || QUERY.test(line)) return true
  if (ENDS.test(line) && SIGNS.test(line)) return true
  let signs = 0
  let letters = 0
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i)
    if (unit > 127 || ((unit | 32) - 97 < 26 && (unit | 32) >= 97)) letters++
    else if (unit < 128 && isSign[unit]) signs++
  }
  return signs >= 3 && signs * 6 > letters
}

/** Without any of these there is no code in a text. */
const SUSPICIOUS = /[{}[\]()=<>;`_#@$\\/]|import |SELECT|select /
const FENCE = /^\s*(```|~~~)/
const BEGINS =
  /^\s*(def \w+\s*\(|class \w+\s*[:({]|function\s*\w*\s*\(|(const|let|var) \w+\s*=|import [\w{*.]+(\s|;|$)|from \w[\w.]* import|#include|using \w+;|\s+return\b|return\b.*[;()[\]]|(if|for|while)\s*\(.*\)\s*\{?$|(if|elif|for|while)\b.*:$|else:$|(public|private|static|void|int|fn|func) .*[({;]|assert |print\(|<\/?\w+[^>]*>\s*$|@\w+$|\$ \w)/
const QUERY = /^\s*(SELECT\s.+\sFROM\s|INSERT INTO|UPDATE\s.+\sSET\s|CREATE TABLE|DELETE FROM)/i
const ENDS = /[;{}]\s*$/
const SIGNS = /[=(){}[\]<>]/
const ADDRESS = /\b(https?:\/\/|www\.)\S+|\S+@\S+\.\w+/g
const IDENTIFIER = /[\w.]*[_\d(){}[\]=<>\\][\w.(){}[\]=<>\\]*/g
const isSign = Uint8Array.from({ length: 128 }, (_, unit) =>
  Number('{}[]()=<>;_*&|+$%^~\\/:'.includes(String.fromCharCode(unit))),
)
