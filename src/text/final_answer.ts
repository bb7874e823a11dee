/**
 * What an answer comes down to, so that two answers in other words can be counted as one:
 *
 * 1. The part that counts is what the last `\boxed{…}` holds; else what follows the last `####`; else what follows the last
 *    "answer is" or "answer:", to the end of its line or sentence; else the whole text.
 * 2. A choice (`(B)`, `B.`, `B) Paris`, `option b`) is its letter.
 * 3. A number, alone or with a currency before it or a unit of one word behind it, is that number: no thousands commas,
 *    no trailing zeros, no unit.
 * 4. Anything else is compatibility-normalised (NFKC) and in lower case, white space folded, without the punctuation and
 *    markdown around its words and without `a`, `an`, `the`.
 */
export function finalAnswer(text: string): string {
  const part = countingPart(text).trim()
  return choiceIn(part) ?? numberAlone(part) ?? plain(part)
}

/**
 * The number that an answer comes to: the first in the part that counts (see `finalAnswer`) where something marks that part,
 * else the last of the text. NaN where there is none.
 */
export function finalNumber(text: string): number {
  const part = countingPart(text)
  const found = part.match(NUMBERS) ?? []
  const number = part === text ? found.at(-1) : found[0]
  return number === undefined ? Number.NaN : Number(number.replaceAll(',', ''))
}

const NUMBERS = /(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?|(?<![\w.])-?\.\d+/gi

/** Quotes, ends of sentences and markdown, but no bracket: those may belong to a formula. */
const AROUND = new Set('.,;:!?"\'“”‘’*_`')

/** Every white space has one place in it, and a digit must be there: else an answer could hold the loop for seconds. */
const NUMBER_ALONE =
  /^(?:[a-z]\s*=\s*)?(?:([-−])\s*)?(?:[$€£]\s*)?(-?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+))\s*(?:%|°\s*[a-z]?|[\p{L}]+)?[.!]?$/iu

function countingPart(text: string): string {
  return boxed(text) ?? afterLast(text, /####/g) ?? afterLast(text, /\banswer(?:\s+is)?\s*(?::|(?<=is))\**/gi) ?? text
}

/** What the last `\boxed{…}` holds, braces inside it included. */
function boxed(text: string): string | undefined {
  const start = text.lastIndexOf('\\boxed{')
  if (start < 0) return undefined
  const from = start + '\\boxed{'.length
  let depth = 1
  for (let at = from; at < text.length; at++) {
    if (text[at] === '{') depth++
    else if (text[at] === '}' && --depth === 0) return text.slice(from, at)
  }
  return undefined
}

function afterLast(text: string, marker: RegExp): string | undefined {
  const found = [...text.matchAll(marker)].at(-1)
  if (!found) return undefined
  const rest = text.slice(found.index + found[0].length).trim()
  const part = /^.*?(?=[.!?](?:\s|$)|\n|$)/.exec(rest)?.[0] ?? ''
  return part === '' ? undefined : part
}

function choiceIn(part: string): string | undefined {
  const found =
    /^[*_\s]*(?:(?:option|choice)\s+)?\(?([a-j])\)?[.*_\s]*$/i.exec(part) ??
    /^[*_\s]*(?:\(([A-J])\)|([A-J])[).:])\s/.exec(part)
  return (found?.[1] ?? found?.[2])?.toLowerCase()
}

function numberAlone(part: string): string | undefined {
  const bare = part.replace(/[*_`\\]/g, '').trim()
  const [, minus, number] = NUMBER_ALONE.exec(bare) ?? []
  if (number === undefined) return undefined
  return String(Number(number.replaceAll(',', '')) * (minus ? -1 : 1))
}

function plain(part: string): string {
  return part
    .normalize('NFKC')
    .toLowerCase()
    .split(/\s+/)
    .map(withoutAround)
    .filter(word => !['a', 'an', 'the', ''].includes(word))
    .join(' ')
}

function withoutAround(word: string): string {
  let [start, end] = [0, word.length]
  while (start < end && AROUND.has(word[start]!)) start++
  while (end > start && AROUND.has(word[end - 1]!)) end--
  return word.slice(start, end)
}
