import { spawn } from 'node:child_process'
import { UsageError } from '../errors.ts'
import { printable } from '../registry.ts'

/** What a scoring command is told, as JSON on its standard input. */
export interface ScoredAnswer {
  readonly id: string
  readonly model: string
  readonly prompt: string
  readonly answer: string
  readonly reference?: string
}

/** Milliseconds that one score may take. */
const TIMEOUT = 60_000

/**
 * A command that scores answers: it gets JSON on standard input and prints a number from 0 to 1. It is started without a shell,
 * once per answer.
 * @param command program and arguments with spaces between them; quotes keep together what belongs together.
 * @throws UsageError where there is no program, it fails, or it prints something else; its standard error is shown as it is.
 */
export function createScoreCommand(command: string): (answer: ScoredAnswer) => Promise<number> {
  const [program, ...args] = splitArguments(command)
  if (!program) throw new UsageError('--command: expected a program and its arguments, got nothing.')
  return answer =>
    new Promise((resolve, reject) => {
      const fail = (got: string) =>
        reject(new UsageError(`--command: expected ${printable(program)} to print a number from 0 to 1, got ${got}.`))
      const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], timeout: TIMEOUT })
      let printed = ''
      child.stdout.setEncoding('utf8').on('data', chunk => {
        printed = `${printed}${chunk}`.slice(0, 1000)
      })
      child.on('error', ({ code }: NodeJS.ErrnoException) => fail(code === 'ENOENT' ? 'no such program' : String(code)))
      child.on('close', (code, signal) => {
        const score = printed.trim() === '' ? Number.NaN : Number(printed)
        if (code !== 0) fail(signal ? `an end by ${signal}` : `exit code ${code}`)
        else if (score >= 0 && score <= 1) resolve(score)
        else fail(printed.trim() === '' ? 'nothing' : `"${printable(printed.trim())}"`)
      })
      // A program that does not read its input is none of our business.
      child.stdin.on('error', () => {})
      child.stdin.end(`${JSON.stringify(answer)}\n`)
    })
}

/** Words of a command line; what stands in quotes is one. Throws UsageError for a quote without its end. */
function splitArguments(command: string): string[] {
  const words: string[] = []
  for (const [word] of command.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*'|["'])+/g)) {
    if (/["']/.test(word.replace(/"[^"]*"|'[^']*'/g, ''))) {
      throw new UsageError('--command: expected quotes in pairs, got one without its end.')
    }
    words.push(word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single))
  }
  return words
}
