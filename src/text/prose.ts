/** Read no further: what a prompt is written in shows at its beginning. */
const MOST = 600

/**
 * The part of a text that is written in a human language, from its beginning: fenced code, lines that look like code,
 * addresses, and words with digits or signs inside are left out.
 */
export function proseOf(text: string): string {
  const head = text.length > MOST ? text.slice(0, MOST) : text
  if (!SUSPICIOUS.test(head)) return head
  let kept = ''
  let isFenced = false
  for (const line of head.split('\n')) {
    if (line.includes('```') || line.includes('~~~')) isFenced = !isFenced
    else if (!isFenced && !isCodeLine(line)) kept += `${withoutMarks(line)}\n`
  }
  return kept
}

/**
 * Whether a line looks like source code: it begins as a statement does, ends as one does, or has more signs of code than
 * words of prose bear.
 */
function isCodeLine(line: string): boolean {
  let signs = 0
  let letters = 0
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i)
    if (unit > 127 || ((unit | 32) >= 97 && (unit | 32) <= 122)) letters++
    else if (isSign[unit]) signs++
  }
  if (BARE.test(line)) return true
  if (signs === 0) return QUERY.test(line)
  if (signs >= 3 && signs * 6 > letters) return true
  return BEGINS.test(line) || (ENDS.test(line) && BRACKETS.test(line)) || QUERY.test(line)
}

function withoutMarks(line: string): string {
  const plain = line.includes('@') || line.includes('://') || line.includes('www.') ? line.replace(ADDRESS, ' ') : line
  return MARKS.test(plain) ? plain.replace(IDENTIFIER, ' ') : plain
}

/** Without any of these there is no code in a text. */
const SUSPICIOUS = /[{}[\]()=<>;`_#@$\\/]|import |select |^ +return/i
/** Statements that need no signs. */
const BARE = /^\s*(import [\w{*.]+(\s*$|;| as )|from \w[\w.]* import|\s+return\b|#include|@\w+$|else:$)/
/** Statements that have some. */
const BEGINS =
  /^\s*(def \w+\s*\(|class \w+\s*[:({]|function\s*\w*\s*\(|(const|let|var) \w+\s*=|using \w+;|return\b.*[;()[\]]|(if|for|while)\s*\(.*\)\s*\{?$|(if|elif|for|while)\b.*:$|(public|private|static|void|int|fn|func) .*[({;]|assert |print\(|<\/?\w+[^>]*>\s*$|\$ \w)/
const QUERY = /^\s*(SELECT\s.+\sFROM\s|INSERT INTO|UPDATE\s.+\sSET\s|CREATE TABLE|DELETE FROM)/i
const ENDS = /[;{}]\s*$/
const BRACKETS = /[=(){}[\]<>]/
const MARKS = /[_\d(){}[\]=<>\\]/
const ADDRESS = /\b(https?:\/\/|www\.)\S+|[\w.+-]+@\S+\.\w+/g
const IDENTIFIER = /[\w.]*[_\d(){}[\]=<>\\][\w.(){}[\]=<>\\]*/g
const isSign = Uint8Array.from({ length: 128 }, (_, unit) =>
  Number('{}[]()=<>;_*&|+$%^~\\/:'.includes(String.fromCharCode(unit))),
)
