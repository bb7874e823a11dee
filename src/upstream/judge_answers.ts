import { UpstreamError } from '../errors.ts'
import { compare, type Judge } from './judge.ts'

/** What answers earned against each other. */
export interface JudgedAnswers {
  /** 0..1, one per answer: its mean over the others of 1 better, 0.5 as good, 0 worse. Undefined where there was no answer, or no verdict. */
  readonly scores: readonly (number | undefined)[]
  /** US dollars, as far as prices are known. */
  readonly cost: number
  /** Why an answer that was compared has no score; absent where all have. */
  readonly unscored?: string
}

const UNREAD = "the judge's answer was neither A, B nor tie"

/**
 * Has a judge compare every answer with every other, each pair in both orders, since judges prefer what they see first
 * (Zheng et al. 2023): where the orders disagree it is a tie. Answers of the same text are a tie without being shown.
 * @param texts undefined where a model gave no answer.
 * @throws CallError where no comparison could be made at all; UsageError.
 */
export async function judgeAnswers(
  judge: Judge,
  prompt: string,
  texts: readonly (string | undefined)[],
  reference?: string,
): Promise<JudgedAnswers> {
  const there = [...texts.keys()].filter(i => texts[i] !== undefined)
  const pairs = there.flatMap((first, k) => there.slice(k + 1).map(second => [first, second] as const))
  const won = texts.map((): number[] => [])
  let cost = 0
  let failure: UpstreamError | undefined
  await Promise.all(
    pairs.map(async ([first, second]) => {
      const score = await scoreOf(texts[first]!, texts[second]!)
      if (score === undefined) return
      won[first]!.push(score)
      won[second]!.push(1 - score)
    }),
  )
  if (failure !== undefined && won.every(({ length }) => length === 0)) throw failure
  const isWhole = pairs.length === 0 || there.every(i => won[i]!.length > 0)
  // TypeScript does not see that a call has set it.
  const told = failure as UpstreamError | undefined
  return { scores: won.map(mean), cost, ...(isWhole ? {} : { unscored: told?.message ?? UNREAD }) }

  /** Of the first against the second; undefined where neither order gave a verdict. */
  async function scoreOf(first: string, second: string): Promise<number | undefined> {
    if (first.trim() === second.trim()) return 0.5
    const [forth, back] = await Promise.all([verdict(first, second), verdict(second, first)])
    const seen = [...(forth === undefined ? [] : [forth]), ...(back === undefined ? [] : [1 - back])]
    return mean(seen)
  }

  async function verdict(first: string, second: string): Promise<number | undefined> {
    try {
      const { verdict, answer } = await compare(judge, prompt, [first, second], reference)
      cost += answer.cost ?? 0
      return verdict
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      failure = error
      return undefined
    }
  }
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}
