/** What may be sensitive in a prompt. */
export const sensitivities = ['personal_data', 'credentials', 'self_harm', 'medical', 'legal'] as const
export type Sensitivity = (typeof sensitivities)[number]

/**
 * What is sensitive in a prompt, by patterns and lists of English terms; a heuristic that misses what is said in other words
 * (checkpoints/recipes/classifiers/README.md has its hits and misses). Reads the whole text in linear time.
 *
 * - `personal_data`: e-mail addresses, telephone numbers, payment cards (Luhn), IBANs (mod 97), US social security numbers
 * - `credentials`: keys of providers by their prefixes, private keys, `password: …`
 * - `self_harm`, `medical`, `legal`: somebody's own danger, health, or case at law, not the subjects as such
 */
export function sensitivitiesOf(text: string): Sensitivity[] {
  const found: Sensitivity[] = []
  if (hasPersonalData(text)) found.push('personal_data')
  if (CREDENTIALS.test(text)) found.push('credentials')
  if (SELF_HARM.test(text)) found.push('self_harm')
  if (MEDICAL.test(text)) found.push('medical')
  if (LEGAL.test(text)) found.push('legal')
  return found
}

const CREDENTIALS =
  /\b(sk-[A-Za-z0-9_-]{16}|sk_live_\w{8}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20}|xox[abprs]-\w{8}|AIza[\w-]{30}|glpat-[\w-]{16})|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----|\b(password|passwort|passwd|api[_ -]?key|secret[_ -]?key|access[_ -]?token) ?(is|=|:) ?["']?[^\s"']{6}/i
const SELF_HARM =
  /\b(suicid(e|al)|kill(ing)? my ?self|end(ing)? my (own )?life|want(ed)? to die|wish i (was|were) dead|self[- ]harm|hurt(ing)? myself|cut(ting)? myself|overdos(e|ing) on|no reason to live|better off dead|don['’]t want to (live|be alive))\b/i
const MEDICAL =
  /\b(my (own )?(doctor|gp|diagnosis|symptoms?|blood (pressure|test|sugar)|medication|prescription|pregnancy|period|chest|cancer|tumou?r|rash|surgery|psychiatrist|therapist|insulin|mri|biopsy)|i ((have|had|was|am|got|feel|keep|take|['’]m|['’]ve)( been| just)? (diagnosed|pregnant|bleeding|coughing|vomiting|dizzy|prescribed|hiv|a (fever|lump|seizure|stroke|rash|migraine)|chest pain|diabetes|depression|asthma))|(mg|milligrams) of \w+|can i take \w+ (with|and|while)|side effects?|should i (see a doctor|go to (the )?(er|hospital|a doctor))|am i (having a|ill|pregnant)|diagnosed with|pain in my|is (it|this) safe (to take|during pregnancy))/i
const LEGAL =
  /\b(my (lawyer|attorney|landlord|tenant|ex-?(husband|wife)|divorce|custody|visa|lawsuit|will and testament|employer (fired|refuses|owes))|(sue|suing|sued) (my|me|him|her|them|us|the)|(am|was|been|got|being) (arrested|sued|evicted|fired|deported|charged with|indicted)|legal(ly)? (advice|rights|binding|action)|press charges|restraining order|file (a|for) (lawsuit|complaint|bankruptcy|divorce)|court (date|hearing|summons)|is it (il)?legal|can i be (fired|sued|evicted|arrested)|statute of limitations on my|power of attorney|take (him|her|them|me) to court)\b/i

/** Digits of a number that counts, apart by single spaces, dashes, dots or brackets. */
const LEAST_DIGITS = 9
const MOST_DIGITS = 19

function hasPersonalData(text: string): boolean {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) if (isAddress(text, at)) return true
  return hasNumber(text)
}

/** An `@` between something and a domain. */
function isAddress(text: string, at: number): boolean {
  return (
    /[\w.+-]$/.test(text.slice(Math.max(0, at - 1), at)) &&
    /^@[a-z\d-]+(\.[a-z\d-]+)*\.[a-z]{2,}/i.test(text.slice(at, at + 100))
  )
}

function hasNumber(text: string): boolean {
  for (let start = 0; start < text.length; start++) {
    if (!isDigit(text, start)) continue
    if (start > 0 && /[\w.$€£#,]/.test(text[start - 1]!) && !isLetterPair(text, start)) {
      while (start < text.length && isDigit(text, start)) start++
      continue
    }
    let end = start
    let digits = ''
    const groups = [0]
    while (end < text.length && digits.length <= MOST_DIGITS + 3) {
      if (isDigit(text, end)) {
        digits += text[end]
        groups[groups.length - 1]!++
      } else if (' -.()/'.includes(text[end]!) && (isDigit(text, end + 1) || '( '.includes(text[end + 1] ?? 'x'))) {
        if (groups.at(-1)! > 0) groups.push(0)
      } else break
      end++
    }
    if (isPersonal(text, start, digits, groups)) return true
    start = end
  }
  return false
}

function isPersonal(text: string, start: number, digits: string, groups: readonly number[]): boolean {
  if (isLetterPair(text, start) && isIban(text.slice(start - 2, start + 42))) return true
  if (groups.join('-') === '3-2-4' && text[start + 3] === '-') return true
  if (digits.length < LEAST_DIGITS || digits.length > MOST_DIGITS) return false
  if (digits.length >= 13 && isCardShaped(groups) && /^[2-6]/.test(digits) && passesLuhn(digits)) return true
  if (text[start - 1] === '+' || digits.startsWith('00')) return digits.length <= 15
  const hasShape = groups.length >= 3 && groups.length <= 4 && groups[0]! <= 4 && groups.at(-1)! >= 4
  const hasMarks = /^[\d\s]*[-.()]/.test(text.slice(Math.max(0, start - 1), start + 6)) || text[start - 1] === '('
  return hasShape && digits.length >= 10 && digits.length <= 11 && (hasMarks || digits.startsWith('0'))
}

/** One run, or as cards have their digits: 4-4-4-4, 4-6-5, with up to 19. */
const isCardShaped = (groups: readonly number[]) =>
  groups.length === 1 || (groups.length >= 3 && groups.length <= 5 && groups[0] === 4 && groups[1]! >= 4)

/** Luhn's checksum (ISO/IEC 7812). */
function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return sum % 10 === 0 && !/^(\d)\1*$/.test(digits)
}

/** ISO 13616: moved to the end, letters as 10 to 35, the remainder by 97 is 1. */
function isIban(text: string): boolean {
  const iban = /^[A-Z]{2}\d{2}( ?[A-Z\d]{4}){2,7}( ?[A-Z\d]{1,3})?/.exec(text)?.[0].replaceAll(' ', '')
  if (!iban || iban.length < 15) return false
  let rest = 0
  for (const sign of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(sign, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}

function isLetterPair(text: string, start: number): boolean {
  return start >= 2 && /(^|[^A-Za-z\d])[A-Z]{2}$/.test(text.slice(Math.max(0, start - 3), start))
}

function isDigit(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return unit >= 48 && unit <= 57
}
