import {
  type AnsweringServer,
  type ChatRequest,
  promptOf,
  type Reply,
  startAnsweringServer,
} from './answering_server.ts'

/**
 * Stand-ins for models, on this machine, by which the pages of docs/ are followed. They do sums of two whole numbers: `large` is
 * right; `medium` slips where both have two digits or more, `small` where one has; `judge` knows which answers are right;
 * `broken` fails with 503.
 */
export function startSumModels(): Promise<AnsweringServer> {
  return startAnsweringServer(answer)
}

function answer(request: ChatRequest): Reply | string {
  const prompt = promptOf(request)
  if (request.model === 'broken') return { status: 503 }
  if (request.model === 'judge') return verdict(prompt)
  const sum = sumIn(prompt)
  if (!sum) return `${request.model} has no sum to do.`
  const { value, longer, shorter } = sum
  const slips = request.model === 'small' ? longer > 1 : request.model === 'medium' && shorter > 1
  return request.model === 'small' ? String(slips ? value + 10 : value) : `The answer is ${slips ? value - 1 : value}.`
}

function sumIn(text: string): { value: number; longer: number; shorter: number } | undefined {
  const [, left, sign, right] = /(\d+) ([-+*]) (\d+)/.exec(text) ?? []
  if (left === undefined || right === undefined) return undefined
  const [a, b] = [Number(left), Number(right)]
  const value = sign === '+' ? a + b : sign === '-' ? a - b : a * b
  const lengths = [left.length, right.length]
  return { value, longer: Math.max(...lengths), shorter: Math.min(...lengths) }
}

/** Reads the prompts of src/upstream/judge.ts. */
function verdict(prompt: string): string {
  const value = sumIn(/<request>([\s\S]*?)<\/request>/.exec(prompt)?.[1] ?? '')?.value
  const isRight = ([, , text = '']: RegExpMatchArray) => Number(/(\d+)\D*$/.exec(text)?.[1]) === value
  const answers = [...prompt.matchAll(/<(answer\w*)>\n([\s\S]*?)\n<\/\1>/g)]
  const right = answers.map(isRight)
  if (answers[0]?.[1] === 'answer') return right[0] ? '[[10]]' : '[[0]]'
  if (answers[0]?.[1] === 'answer_a') return right[0] === right[1] ? '[[C]]' : right[0] ? '[[A]]' : '[[B]]'
  return `[[${right.indexOf(true) + 1}]]`
}
