import { wasmKernel } from './wasm_kernel.ts'

/** What word_sums.wat exports: memory, and functions that leave their sums in it. Places are bytes from its start. */
interface WordSums {
  readonly memory: Memory
  addRows(places: number, end: number, factors: number, length: number, out: number): void
  addCodes(places: number, end: number, factors: number, out: number): void
}

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** Words that one call takes at most. */
const WORDS = 512
const [SHORT, WORD, DOUBLE] = [2, 4, 8] as const
const FACTORS = WORDS * DOUBLE
const OUT = 2 * FACTORS
const PAGE = 65536

/** Sums, over the words of a text, of a row of numbers that each word has. */
export interface RowSums {
  /** Keeps the row of word `number`. Numbers come in order; from 0 again where all is forgotten. */
  set(number: number, row: Float64Array): void
  /** Sums the rows of the first `count` of `words`, each times its factor, in that order. The same memory until the next `set`. */
  sum(words: Int32Array, factors: Float64Array, count: number): Float64Array
}

/**
 * Rows are kept in 32 bits and summed in 64. The last two numbers of a row are summed times the square of the factor.
 * @param width numbers of a row, a multiple of 4.
 */
export function createRowSums(width: number): RowSums {
  const { memory, addRows } = wordSums.create()
  const rowsAt = OUT + width * DOUBLE
  let { places, factored } = listsOf(memory)
  let sums = new Float64Array(memory.buffer, OUT, width)
  let rows = new Float32Array(memory.buffer, rowsAt)
  return {
    set(number, row) {
      if ((number + 1) * width > rows.length) {
        growMemory(memory, rowsAt + (number + 1) * width * WORD)
        ;({ places, factored } = listsOf(memory))
        sums = new Float64Array(memory.buffer, OUT, width)
        rows = new Float32Array(memory.buffer, rowsAt)
      }
      for (let j = 0, at = number * width; j < width; j++) rows[at + j] = row[j]!
    },
    sum(words, factors, count) {
      sums.fill(0)
      for (let start = 0; start < count; start += WORDS) {
        const taken = Math.min(WORDS, count - start)
        for (let i = 0; i < taken; i++) {
          places[i] = rowsAt + words[start + i]! * width * WORD
          factored[i] = factors[start + i]!
        }
        addRows(0, taken * WORD, FACTORS, width * WORD, OUT)
      }
      return sums
    },
  }
}

/** Sums, over the words of a text, of what the codes of each word stand for: the numbers `code >> 1`, an odd code with less. */
export interface CodeSums {
  /** Begins word `number`, which has no codes yet. Numbers come in order; from 0 again where all is forgotten. */
  begin(number: number): void
  /** Adds a code of 16 bits to the word that was begun last. */
  add(code: number): void
  /**
   * Adds up the codes of the first `count` of `words`, each times the factor of its word, then the first `singles` of `single`
   * times 1, in that order and each sum in 32 bits. The same memory until the next `begin`, `add` or `sum`.
   */
  sum(words: Int32Array, factors: Float64Array, count: number, single: Uint16Array, singles: number): Float32Array
}

/** @param size how many numbers there are. */
export function createCodeSums(size: number): CodeSums {
  const { memory, addCodes } = wordSums.create()
  const codesAt = OUT + size * WORD
  let { places, factored } = listsOf(memory)
  let sums = new Float32Array(memory.buffer, OUT, size)
  let codes = new Uint16Array(memory.buffer, codesAt)
  /** Where the codes of each word end, in codes. */
  let ends = new Int32Array(1 << 12)
  let end = 0
  let latest = 0
  const reserve = (more: number) => {
    if (end + more <= codes.length) return
    growMemory(memory, codesAt + (end + more) * SHORT)
    ;({ places, factored } = listsOf(memory))
    sums = new Float32Array(memory.buffer, OUT, size)
    codes = new Uint16Array(memory.buffer, codesAt)
  }
  return {
    begin(number) {
      if (number === 0) end = 0
      if (number === ends.length) ends = doubled(ends)
      ends[number] = end
      latest = number
    },
    add(code) {
      reserve(1)
      codes[end++] = code
      ends[latest] = end
    },
    sum(words, factors, count, single, singles) {
      reserve(singles)
      sums.fill(0)
      for (let start = 0; start < count; start += WORDS) {
        const taken = Math.min(WORDS, count - start)
        for (let i = 0; i < taken; i++) {
          const number = words[start + i]!
          places[2 * i] = codesAt + (number === 0 ? 0 : ends[number - 1]! * SHORT)
          places[2 * i + 1] = codesAt + ends[number]! * SHORT
          factored[i] = factors[start + i]!
        }
        addCodes(0, taken * 2 * WORD, FACTORS, OUT)
      }
      for (let i = 0; i < singles; i++) codes[end + i] = single[i]!
      places[0] = codesAt + end * SHORT
      places[1] = codesAt + (end + singles) * SHORT
      factored[0] = 1
      addCodes(0, 2 * WORD, FACTORS, OUT)
      return sums
    },
  }
}

function listsOf({ buffer }: Memory): { places: Int32Array; factored: Float64Array } {
  return { places: new Int32Array(buffer, 0, 2 * WORDS), factored: new Float64Array(buffer, FACTORS, WORDS) }
}

/** Makes the memory twice as large or larger, so that it has so many bytes; views of it are no longer any. */
function growMemory(memory: Memory, bytes: number): void {
  const has = memory.buffer.byteLength
  memory.grow(Math.ceil(Math.max(bytes - has, has) / PAGE))
}

function doubled(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2)
  to.set(from)
  return to
}

/** word_sums.wat. */
export const wordSums = wasmKernel<WordSums>(
  'AGFzbQEAAAABEAJgBX9/f39/AGAEf39/fwADAwIAAQUDAQABBx8DBm1lbW9yeQIAB2FkZFJvd3MAAAhhZGRDb2RlcwABCrQCAq8BAgR/A3sDQCAE' +
    '/QAEACEKIAT9AAQQIQsgACEGIAIhBwJAA0AgBiABTw0BIAYoAgAgBWohCCAH/QoDACEJIAogCSAI/V0DAP1f/fIB/fABIQogBUEQaiADRgRAIAkg' +
    'Cf3yASEJCyALIAkgCP1dAwj9X/3yAf3wASELIAZBBGohBiAHQQhqIQcMAAsLIAQgCv0LBAAgBCAL/QsEECAEQSBqIQQgBUEQaiIFIANJDQALC4AB' +
    'AgR/AXsCQANAIAAgAU8NASAAKAIAIQQgACgCBCEFIAL9XQMAIQggAEEIaiEAIAJBCGohAgNAIAQgBU8NASAELwEAIQYgBEECaiEEIAMgBkH+/wNx' +
    'QQF0aiEHIAcgB/1cAgD9XyAIIAatQj+G/RL9Uf3wAf1e/VoCAAAMAAsLCws=',
)
