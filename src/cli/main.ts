import { Command, CommanderError } from 'commander'
import { unwritable } from '../io/file_errors.ts'
import { lookUp } from '../registry.ts'
import { commands } from './commands/registry.ts'
import { exitCodeOf, messageOf } from './failure.ts'

declare const __VERSION__: string

const EXAMPLES = `
Examples:
  llmroute route "Prove that the square root of 2 is irrational"
  llmroute batch requests.csv -o routed.csv
  llmroute calibrate --strong-pct 0.3
  llmroute eval sample
  llmroute train outcomes.csv --strategy linear -o mine.safetensors
  cat prompts.txt | llmroute batch - > routed.txt

With models of your own in llmroute.yaml:
  llmroute init
  llmroute route --call "Why is the sky blue?"
  llmroute serve

Exit codes: 0 done; 1 ran, and the answer is no; 2 wrong usage or bad data; 3 an endpoint failed; 70 a bug.
llmroute <command> --help shows the options and more examples.`

await main(process.argv.slice(2))

/** Runs one command line. Prints what goes wrong on stderr and sets the exit code. */
async function main(args: readonly string[]): Promise<void> {
  process.stdout.on('error', leaveQuietly)
  process.stderr.on('error', () => {})
  const program = new Command('llmroute')
    .description('Decides, per prompt and before any model is called, which language model should answer.')
    .version(__VERSION__, '-V, --version')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
  try {
    const named = args.find(argument => !argument.startsWith('-'))
    const isHelp = named === 'help'
    const wanted = isHelp ? args[args.indexOf('help') + 1] : named
    for (const [id, { summary }] of Object.entries(commands)) {
      const command = program
        .command(id)
        .description(summary)
        .exitOverride()
        .configureOutput({ outputError: () => {} })
      if (id === wanted) (await commands[id]!.load()).define(command)
    }
    if (wanted !== undefined) lookUp(commands, wanted, 'command')
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync(args as string[], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    process.exitCode = exitCodeOf(error)
    process.stderr.write(`${messageOf(error)}\n`)
  }
}

/** A reader that has gone away (`| head`) is no failure; a full disk behind a redirection is one, and not a bug. */
function leaveQuietly(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`${messageOf(unwritable('standard output', error))}\n`)
  process.exit(2)
}
