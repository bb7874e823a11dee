// Writes checkpoints/classifiers/language.safetensors: the n-gram table of the npm package eld (Nito-ELD, Apache-2.0), size
// extrasmall, as a hash table of typed arrays that is ready when its bytes are read. By way of make.sh, in the project's folder.
import { writeFileSync } from 'node:fs'
import { dictionary } from '../../../node_modules/eld/src/dictionary.js'
import { ngramsData } from '../../../node_modules/eld/src/ngrams/extrasmall.js'
import { encodeSafetensors } from '../../../src/io/safetensors.ts'
import { NGRAM_NUMBER_BITS } from '../../../src/text/language.ts'
import { languageNgramHash } from '../../../src/text/language_ngrams.ts'

const SLOTS = 1 << 17
const NUMBER_MASK = (1 << NGRAM_NUMBER_BITS) - 1

// A byte of UTF-8 stands in eld's keys as a character; ASCII stands for itself.
const bytes = new Map<string, number>()
for (const [byte, sign] of (dictionary as string[]).entries()) if (sign !== ' ' && byte >= 0x80) bytes.set(sign, byte)
for (const letter of "'`abcdefghijklmnopqrstuvwxyz") bytes.set(letter, letter.charCodeAt(0))

const languages: string[] = Object.values(ngramsData.languages)
const ngrams = Object.entries(ngramsData.ngrams as Record<string, Record<string, number>>)
const slots = new Int32Array(SLOTS)
const ends = new Int32Array(ngrams.length)
const owners: number[] = []
const scores: number[] = []
for (const [i, [key, found]] of ngrams.entries()) {
  const inner = Array.from(key.trim(), sign => bytes.get(sign)!)
  if (inner.includes(undefined as never)) throw new Error(`eld: a sign of ${JSON.stringify(key)} is no byte.`)
  const hash = languageNgramHash(Uint8Array.from(inner), key.startsWith(' '), key.endsWith(' '))
  let at = hash & (SLOTS - 1)
  while (slots[at] !== 0) at = (at + 1) & (SLOTS - 1)
  slots[at] = (hash & ~NUMBER_MASK) | (i + 1)
  for (const [owner, score] of Object.entries(found)) {
    owners.push(Number(owner))
    scores.push(score)
  }
  ends[i] = owners.length
}
if (Math.max(...scores) > 255 || Math.min(...scores) < 0) throw new Error('eld: a score does not fit in a byte.')

const tensor = (data: Int32Array | Uint8Array) => ({ shape: [data.length], data })
const file = 'checkpoints/classifiers/language.safetensors'
const metadata = {
  format: 'llmroute',
  classifier: 'language',
  languages: languages.join(' '),
  source: 'Nito-ELD, npm package eld 2.1.0, size extrasmall (Apache-2.0)',
}
const tensors = {
  slots: tensor(slots),
  ends: tensor(ends),
  owners: tensor(Uint8Array.from(owners)),
  scores: tensor(Uint8Array.from(scores)),
}
const encoded = encodeSafetensors({ metadata, tensors })
writeFileSync(file, encoded)
console.log(`language.safetensors: ${ngrams.length} n-grams of ${languages.length} languages, ${encoded.length} bytes`)
