const PRIME = 0x01000193
const SEED = 0x811c9dc5

/** Words of a text, in order. Reads one text after another into arrays that it keeps. */
export interface WordCutter {
  /**
   * Cuts a lower-cased text; returns how many entries of the arrays are its words.
   * @param longest UTF-16 units after which a run of letters is cut.
   */
  cut(lower: string, longest: number): number
  /** Not yet mixed. */
  readonly hashes: Int32Array
  /** Another hash of the same words. */
  readonly others: Int32Array
  readonly starts: Int32Array
  readonly ends: Int32Array
}

/** A cutter. A word is a run of letters and digits of any script, or any other character but white space (a UTF-16 unit). */
export function createWordCutter(): WordCutter {
  let hashes = new Int32Array(1 << 8)
  let others = new Int32Array(1 << 8)
  let starts = new Int32Array(1 << 8)
  let ends = new Int32Array(1 << 8)
  return {
    get hashes() {
      return hashes
    },
    get others() {
      return others
    },
    get starts() {
      return starts
    },
    get ends() {
      return ends
    },
    cut(lower, longest) {
      let count = 0
      for (let at = 0; at < lower.length; ) {
        const start = at++
        const first = lower.charCodeAt(start)
        const kind = kindOf(first)
        if (kind === BLANK) continue
        let hash = Math.imul(SEED ^ first, PRIME)
        let other: number = first
        const last = kind === LETTER ? Math.min(lower.length, start + longest) : at
        for (; at < last; at++) {
          const unit = lower.charCodeAt(at)
          if (kindOf(unit) !== LETTER) break
          hash = Math.imul(hash ^ unit, PRIME)
          other = (Math.imul(other, 31) + unit) | 0
        }
        if (count === hashes.length) {
          hashes = doubled(hashes)
          others = doubled(others)
          starts = doubled(starts)
          ends = doubled(ends)
        }
        hashes[count] = hash
        others[count] = other
        starts[count] = start
        ends[count++] = at
      }
      return count
    },
  }
}

function doubled(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2)
  to.set(from)
  return to
}

/** Whether a word that begins with this UTF-16 unit is a run of letters and digits. */
export function isLetter(unit: number): boolean {
  return kindOf(unit) === LETTER
}

const BLANK = 0
const LETTER = 1
const SIGN = 2

/** ASCII by table; beyond it, the blocks of punctuation and symbols are signs and the rest are letters. */
function kindOf(code: number): number {
  return code < 128 ? ascii[code]! : kindBeyondAscii(code)
}

function kindBeyondAscii(code: number): number {
  if (code === 0xa0 || code === 0x3000 || (code >= 0x2000 && code <= 0x200a) || code === 0x2028 || code === 0x2029)
    return BLANK
  if (code < 0xc0 || code === 0xd7 || code === 0xf7)
    return code === 0xaa || code === 0xb5 || code === 0xba ? LETTER : SIGN
  if (code >= 0x2010 && code <= 0x2bff) return SIGN
  if ((code >= 0x3001 && code <= 0x303f) || (code >= 0xff01 && code <= 0xff0f)) return SIGN
  return LETTER
}

const ascii = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (code <= 32 || code === 127) return BLANK
  return /[a-z0-9]/i.test(character) ? LETTER : SIGN
})
