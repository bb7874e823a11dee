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
        const kind = kinds[first]!
        if (kind === BLANK) continue
        let hash = Math.imul(SEED ^ first, PRIME)
        let other: number = first
        const last = kind === LETTER ? Math.min(lower.length, start + longest) : at
        for (; at < last; at++) {
          const unit = lower.charCodeAt(at)
          if (kinds[unit] !== LETTER) break
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
  return kinds[unit] === LETTER
}

const [BLANK, LETTER, SIGN] = [0, 1, 2] as const

/** Ranges of UTF-16 units, first and last; what is in none is a letter or digit. */
const ranges: Readonly<Record<number, readonly number[]>> = {
  [BLANK]: [0, 0x20, 0x7f, 0x7f, 0xa0, 0xa0, 0x2000, 0x200a, 0x2028, 0x2029, 0x3000, 0x3000],
  [SIGN]: [
    0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e, 0x80, 0x9f, 0xa1, 0xa9, 0xab, 0xb4, 0xb6, 0xb9, 0xbb, 0xbf, 0xd7,
    0xd7, 0xf7, 0xf7, 0x2010, 0x2027, 0x202a, 0x2bff, 0x3001, 0x303f, 0xff01, 0xff0f,
  ],
}

const kinds = new Uint8Array(65536).fill(LETTER)
for (const [kind, bounds] of Object.entries(ranges)) {
  for (let i = 0; i < bounds.length; i += 2) kinds.fill(Number(kind), bounds[i]!, bounds[i + 1]! + 1)
}
