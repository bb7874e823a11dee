import { UpstreamError, UsageError } from '../errors.ts'
import type { ChatMessage } from '../model_types.ts'
import type { Resources } from '../types.ts'

/** Requests under way at a time. */
const CONCURRENCY = 16
/** The most that OpenAI and vLLM give. */
const TOP_LOGPROBS = 20
/** Enough for a header that the model writes itself, and `[[`, a digit, `]]`. */
const MOST_TOKENS = 10
/** A question is cut there, some 6,000 tokens of English: beyond, servers refuse it or drop its beginning, the instruction. */
const MOST_CHARACTERS = 20_000

/** Logits of the labels, one row a question; undefined where the model wrote no label. */
export type AskLabels = (
  questions: readonly string[],
  messagesOf: (question: string) => readonly ChatMessage[],
  labels: readonly string[],
) => Promise<(ArrayLike<number> | undefined)[]>

/** Whether a checkpoint's name is the address of an endpoint. */
export function isEndpoint(source: string): boolean {
  return /^https?:/i.test(source)
}

/**
 * Asks an OpenAI-compatible `/chat/completions` with `top_logprobs`, each distinct question once, some at a time. Nothing more
 * is asked after a failure. A label that is not among the most probable tokens has the logit −∞.
 * @param source base URL and the name of the model behind `#`.
 * @throws UsageError without `postJson`; UpstreamError where the endpoint fails or gives no log probabilities.
 */
export function createLabelEndpoint(source: string, postJson: Resources['postJson']): AskLabels {
  if (!postJson)
    throw new UsageError('causal_llm: expected a way to reach the endpoint (resources.postJson), got none.')
  const [base = '', ...name] = source.split('#')
  const url = `${base.replace(/\/+$/, '')}/chat/completions`
  const settings = { model: name.join('#'), temperature: 0, logprobs: true, top_logprobs: TOP_LOGPROBS }
  return async (questions, messagesOf, labels) => {
    const sent = questions.map(sentAs)
    const logits = await inLanes([...new Set(sent)], async question => {
      const messages = messagesOf(question)
      const answer = await postJson(url, { ...settings, messages, max_tokens: MOST_TOKENS })
      return labelLogits(positionsOf(answer, url), labels)
    })
    return sent.map(question => logits.get(question))
  }
}

/** A question as it is sent: cut to length, without lone surrogates, which are no UTF-8. */
function sentAs(question: string): string {
  return question.slice(0, MOST_CHARACTERS).replace(/\p{Surrogate}/gu, '\ufffd')
}

async function inLanes<Q, A>(questions: readonly Q[], ask: (question: Q) => Promise<A>): Promise<Map<Q, A>> {
  const answers = new Map<Q, A>()
  let next = 0
  const lane = async () => {
    while (next < questions.length) {
      const question = questions[next++]!
      try {
        answers.set(question, await ask(question))
      } catch (error) {
        next = questions.length
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, lane))
  return answers
}

interface Candidate {
  readonly token: string
  readonly logprob: number
}

/** One token of the answer with the others that could have stood there. */
interface Position extends Candidate {
  readonly top_logprobs: readonly Candidate[]
}

function positionsOf(answer: unknown, url: string): Position[] {
  const { choices } = (answer ?? {}) as { choices?: unknown }
  const [choice] = Array.isArray(choices) ? choices : []
  const positions = (choice as { logprobs?: { content?: unknown } } | undefined)?.logprobs?.content
  if (Array.isArray(positions) && positions.every(isPosition)) return positions
  throw new UpstreamError(
    `${new URL(url).host}: expected logprobs.content with top_logprobs of each token, got ${choice ? 'an answer without' : 'no choices'}. Serve a model with vLLM, llama.cpp or Ollama from 0.12.11 on; reasoning models and some hosts give none.`,
  )
}

function isPosition(value: unknown): value is Position {
  const { top_logprobs } = (value ?? {}) as Partial<Position>
  return isCandidate(value) && Array.isArray(top_logprobs) && top_logprobs.length > 0 && top_logprobs.every(isCandidate)
}

function isCandidate(value: unknown): value is Candidate {
  const { token, logprob } = (value ?? {}) as Partial<Candidate>
  return typeof token === 'string' && typeof logprob === 'number'
}

/**
 * The log probabilities of the labels where the answer names one: at a token that holds a label's digit and beside it only
 * brackets and spaces, be it `[[3]]` or the `3` of `[[`, `3`, `]]`. One behind `[[` is preferred to a lone one before it; a digit
 * of a longer number is none, nor is the 1 of `1 to 5`.
 */
function labelLogits(positions: readonly Position[], labels: readonly string[]): Float64Array | undefined {
  const digits = labels.map(digitOf)
  const named = positions.filter((position, i) => {
    const next = positions[i + 1]
    const isPart = isNumeric(positions[i - 1]) || isNumeric(next) || /^\s*(to|-|–)/.test(next?.token ?? '')
    return digits.includes(digitOf(position.token)) && !isPart
  })
  const place = named.find(position => isBracketed(position, positions)) ?? named[0]
  if (!place) return undefined
  const logits = new Float64Array(labels.length).fill(Number.NEGATIVE_INFINITY)
  for (const { token, logprob } of candidatesAt(place)) {
    const label = digits.indexOf(digitOf(token))
    if (label >= 0) logits[label] = addLogs(logits[label]!, logprob)
  }
  return logits
}

/** The digit of a token that says nothing else, or ''. */
function digitOf(token: string | undefined): string {
  return /^[\s[]*(\d)[\]\s]*$/.exec(token ?? '')?.[1] ?? ''
}

function isNumeric(position: Position | undefined): boolean {
  return position !== undefined && /^[\d.,]*\d[\d.,]*$/.test(position.token)
}

function isBracketed(position: Position, positions: readonly Position[]): boolean {
  const before = positions.slice(0, positions.indexOf(position)).map(({ token }) => token)
  return /\[\[\s*\d/.test(before.slice(-2).join('').slice(-3) + position.token)
}

/** What could have stood there; what does stand there is not always listed among it. */
function candidatesAt({ token, logprob, top_logprobs }: Position): readonly Candidate[] {
  const isListed = top_logprobs.some(candidate => candidate.token === token)
  return isListed ? top_logprobs : [...top_logprobs, { token, logprob }]
}

/** log(eᵃ + eᵇ), without overflow. */
function addLogs(a: number, b: number): number {
  const [high, low] = a > b ? [a, b] : [b, a]
  return low === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high))
}
