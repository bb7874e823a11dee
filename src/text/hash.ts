const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** 32-bit FNV-1a over UTF-16 code units, finished with murmur3's mixer. Unsigned. */
export function hash32(text: string, seed = 0): number {
  let h = (FNV_OFFSET ^ seed) >>> 0
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), FNV_PRIME)
  return mix32(h)
}

/** `hash32` with one seed and with another, in one pass. */
export function hashTwice(text: string, seed: number, otherSeed: number): readonly [number, number] {
  let one = FNV_OFFSET ^ seed
  let other = FNV_OFFSET ^ otherSeed
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    one = Math.imul(one ^ unit, FNV_PRIME)
    other = Math.imul(other ^ unit, FNV_PRIME)
  }
  return [mix32(one), mix32(other)]
}

/** 53 bits of hash, as many as a number holds exactly. */
export function hash53(text: string): number {
  const [one, other] = hashTwice(text, 1, 2)
  return one * 2 ** 21 + (other >>> 11)
}

/** murmur3's 32-bit finalizer: spreads every bit of `h` over all. Unsigned. */
export function mix32(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** 64-bit hash by which a checkpoint remembers a training prompt: of the text trimmed, white space folded, lower case. */
export function promptHash(prompt: string): bigint {
  const text = normalizePrompt(prompt)
  const [upper, lower] = hashTwice(text, 0x9e3779b9, 0x7f4a7c15)
  return (BigInt(upper) << 32n) | BigInt(lower)
}

/** The form under which two prompts count as the same. */
export function normalizePrompt(prompt: string): string {
  return prompt.trim().replace(/\s+/g, ' ').toLowerCase()
}
