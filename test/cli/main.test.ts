import { expect, test } from 'vitest'
import { commands } from '../../src/cli/commands/registry.ts'
import { runCli } from '../helpers/run_cli.ts'

const AVAILABLE = Object.keys(commands).join(', ')

test('--version prints the version and nothing else', async () => {
  expect(await runCli(['--version'])).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    stderr: '',
  })
})

test.each([[[]], [['--help']], [['help']]])('%j shows every command with its summary, and examples', async args => {
  const { code, stdout, stderr } = await runCli(args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const [id, { summary }] of Object.entries(commands)) expect(stdout).toMatch(new RegExp(`${id}.*${summary}`))
  expect(stdout).toContain('Examples:')
})

test.each(Object.keys(commands))('%s --help shows examples and the JSON shape', async id => {
  const { code, stdout, stderr } = await runCli([id, '--help'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('Examples:')
  expect(stdout).toContain(`llmroute ${id}`)
  expect(stdout).toContain('--json')
})

test.each([
  [['rout'], `Unknown command "rout". Did you mean "route"? Available: ${AVAILABLE}.`],
  [['constructor'], `Unknown command "constructor". Available: ${AVAILABLE}.`],
  [['--hlep'], "unknown option '--hlep' (Did you mean --help?)"],
  [['route', '--stratgy', 'x', 'hi'], "unknown option '--stratgy' (Did you mean --strategy?)"],
  [['route', 'a', 'b'], "too many arguments for 'route'. Expected 1 argument but got 2."],
  [['eval'], "missing required argument 'files'"],
])('%j exits 2 and says what to do', async (args, message) => {
  expect(await runCli(args)).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
})

test('words after -- are arguments', async () => {
  expect((await runCli(['route', '--', '--help'])).stdout).toMatch(/^\S+\n$/)
})
