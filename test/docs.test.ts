import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { commands } from '../src/cli/commands/registry.ts'
import { embedders } from '../src/embedders/registry.ts'
import { policies } from '../src/policies/registry.ts'
import { strategies } from '../src/strategies/registry.ts'
import { binary, runCli } from './helpers/run_cli.ts'
import { temporaryFolder } from './helpers/temporary_folder.ts'

const readme = readFileSync('README.md', 'utf8')

test.each(Object.keys(commands))('the README has a section for %s, and names every flag of it', async id => {
  const section = new RegExp(`\n### \`llmroute ${id}\`\n([\\s\\S]*?)(?=\n##|$)`).exec(readme)?.[1]
  expect(section).toBeDefined()
  const { stdout } = await runCli([id, '--help'])
  const shared = /\n### Flags that decide\n([\s\S]*?)(?=\n##|$)/.exec(readme)![1]!
  for (const [flag] of stdout.matchAll(/(?<=^ {2}(?:-\w, )?)--[a-z-]+/gm)) {
    if (flag !== '--help' && flag !== '--json') expect(section + shared, `${id} ${flag}`).toContain(`\`${flag}`)
  }
})

test('the README names every flag that exists, and no other', async () => {
  const helps = await Promise.all(Object.keys(commands).map(async id => (await runCli([id, '--help'])).stdout))
  const known = new Set(helps.flatMap(help => help.match(/--[a-z][a-z-]+/g)!))
  for (const [flag] of readme.matchAll(/(?<=`(?:-\w, )?)--[a-z][a-z-]+/g))
    expect([...known, '--version'], flag).toContain(flag)
})

test.each([
  ['strategy', strategies],
  ['embedder', embedders],
  ['policy', policies],
] as const)('the README names every %s', (_, registry) => {
  for (const id of Object.keys(registry)) expect(readme).toContain(`\`${id}\``)
})

test('the README has one test command, which continuous integration reads', () => {
  expect(readme.match(/<!-- tests -->\n```sh\n(.*)\n```/)?.[1]).toBe('npm ci && npm test')
})

const folder = temporaryFolder()

test('every output that the README shows is what the commands print (UPDATE_README=1 writes it)', () => {
  execFileSync(
    'bash',
    ['-c', `printf '#!/bin/sh\\nexec "${process.execPath}" "${binary}" "$@"\\n' > llmroute; chmod +x llmroute`],
    {
      cwd: folder.path,
    },
  )
  const shown = readme.replace(/(?<=```console\n)[\s\S]*?(?=```)/g, block =>
    block
      .split(/^(?=\$ )/m)
      .map(part => {
        const command = part.slice(2, part.indexOf('\n'))
        return `$ ${command}\n${run(command)}`
      })
      .join(''),
  )
  if (process.env.UPDATE_README) writeFileSync('README.md', shown)
  expect(readme).toBe(process.env.UPDATE_README ? readme : shown)
}, 120_000)

function run(command: string): string {
  const env = { ...process.env, PATH: `${folder.path}:${process.env.PATH}`, NO_COLOR: '1' }
  return execFileSync('bash', ['-c', command], {
    cwd: folder.path,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}
