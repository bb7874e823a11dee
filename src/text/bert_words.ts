/** How BERT's tokenizers read a text before they look words up; `normalizer` of type BertNormalizer in tokenizer.json. */
export interface BertReading {
  readonly lowercase: boolean
  readonly stripAccents: boolean
  /** Control characters are left out, white space of any kind separates. */
  readonly cleanText: boolean
  /** Every ideograph is a word of its own. */
  readonly separateIdeographs: boolean
}

/** Receives a word; returns false where no more are wanted. */
export type WordVisitor = (word: string) => boolean

/**
 * Visits the words of a text, from the left: what stands between white space, each punctuation sign apart. As the Python
 * package `tokenizers` does for every character but some 600 that Unicode has since version 8, which it takes for letters.
 */
export function createBertWords(reading: BertReading): (text: string, visit: WordVisitor) => void {
  const known = new Map<number, readonly Sign[]>()
  const read = (code: number) => {
    const signs = Array.from(readCharacter(code, reading), text => ({ text, kind: kindOf(text) }))
    known.set(code, signs)
    return signs
  }
  return (text, visit) => {
    let word = ''
    for (let at = 0; at < text.length; ) {
      const code = text.codePointAt(at)!
      at += code > 0xffff ? 2 : 1
      for (const sign of known.get(code) ?? read(code)) {
        if (sign.kind === 'letter') {
          word += sign.text
          continue
        }
        if (word !== '' && !visit(word)) return
        word = ''
        if (sign.kind === 'punctuation' && !visit(sign.text)) return
      }
    }
    if (word !== '') visit(word)
  }
}

interface Sign {
  readonly text: string
  readonly kind: 'letter' | 'punctuation' | 'space'
}

/** What becomes of one character: nothing, a space, or one or more signs. */
function readCharacter(code: number, reading: BertReading): string {
  const sign = String.fromCodePoint(code)
  if (reading.cleanText) {
    if (/[\t\n\r]/.test(sign)) return ' '
    if (code === 0xfffd || /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u.test(sign)) return ''
    if (isSpace(sign)) return ' '
  }
  let read = reading.stripAccents ? sign.normalize('NFD').replace(/\p{Mn}/gu, '') : sign
  if (reading.lowercase) read = read.toLowerCase()
  return reading.separateIdeographs && isIdeograph(code) ? ` ${read} ` : read
}

function kindOf(sign: string): Sign['kind'] {
  if (isSpace(sign)) return 'space'
  // Of ASCII, signs such as $ and + count as punctuation too.
  return /[\p{P}!-/:-@[-`{-~]/u.test(sign) ? 'punctuation' : 'letter'
}

/** White_Space of Unicode. */
function isSpace(sign: string): boolean {
  return /\p{White_Space}/u.test(sign)
}

/** The blocks that Hugging Face's tokenizers call Chinese characters; the fifth begins late, and models are trained with that. */
function isIdeograph(code: number): boolean {
  return (
    (code >= 0x4e00 && code <= 0x9fff) ||
    (code >= 0x3400 && code <= 0x4dbf) ||
    (code >= 0x20000 && code <= 0x2a6df) ||
    (code >= 0x2a700 && code <= 0x2b73f) ||
    (code >= 0x2b740 && code <= 0x2b81f) ||
    (code >= 0x2b920 && code <= 0x2ceaf) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0x2f800 && code <= 0x2fa1f)
  )
}
