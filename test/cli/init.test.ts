import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { presets } from '../../src/io/presets.ts'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
let folders = 0
const place = () => {
  const cwd = join(folder.path, String(folders++))
  mkdirSync(cwd)
  return { cwd, file: join(cwd, 'llmroute.yaml') }
}
const env = Object.fromEntries(
  Object.values(presets).flatMap(({ keyVariable }) => (keyVariable ? [[keyVariable, '']] : [])),
)

test('writes a starter that routes and that config check finds good', async () => {
  const { cwd, file } = place()
  expect(await runCli(['init'], { cwd, env })).toEqual({
    code: 0,
    stdout: '',
    stderr: `Wrote ${file}\nNext: export OPENAI_API_KEY=…, llmroute config check\n`,
  })
  expect(readFileSync(file, 'utf8')).toMatch(/^# yaml-language-server: \$schema=\/.*\/llmroute\.schema\.json\n/)
  expect((await runCli(['config', 'check'], { cwd, env })).code).toBe(0)
  expect((await runCli(['route', 'hi'], { cwd, env })).stdout).toMatch(/^gpt-4o(-mini)?\n$/)
})

test('never writes over a file that is there, unless told to', async () => {
  const { cwd, file } = place()
  writeFileSync(file, '# mine\n')
  expect(await runCli(['init'], { cwd, env })).toEqual({
    code: 2,
    stdout: '',
    stderr: 'llmroute.yaml: expected no such file here yet, got one. Write over it with --force.\n',
  })
  expect(readFileSync(file, 'utf8')).toBe('# mine\n')
  expect((await runCli(['init', '--force'], { cwd, env })).code).toBe(0)
  expect(readFileSync(file, 'utf8')).toContain('models:\n  gpt-4o:\n')
})

test('a link that leads nowhere is there too', async () => {
  const { cwd, file } = place()
  symlinkSync('nowhere.yaml', file)
  expect((await runCli(['init'], { cwd, env })).code).toBe(2)
})

test('several providers, each model under an id of its own', async () => {
  const { cwd, file } = place()
  const { stderr } = await runCli(['init', '--provider', 'azure,openai', '--provider', 'ollama'], {
    cwd,
    env: { ...env, OPENAI_API_KEY: 'sk-anything-1234' },
  })
  expect(stderr).toBe(`Wrote ${file}\nNext: export AZURE_OPENAI_API_KEY=…, llmroute config check\n`)
  const text = readFileSync(file, 'utf8')
  expect(text.match(/^ {2}(?!#)\S+(?=:$)/gm)).toEqual([
    '  gpt-4o',
    '  gpt-4o-mini',
    '  openai-gpt-4o',
    '  openai-gpt-4o-mini',
    '  llama3.3',
    '  llama3.2',
  ])
  expect(text).toContain('pair: { strong: gpt-4o, weak: llama3.2 }')
  expect((await runCli(['config', 'check'], { cwd, env })).code).toBe(0)
})

test('no price is made up', async () => {
  const { cwd, file } = place()
  await runCli(['init', '--provider', Object.keys(presets).join(',')], { cwd, env })
  expect(readFileSync(file, 'utf8')).not.toMatch(/price: *[\d.]/)
  const { models } = JSON.parse((await runCli(['config', 'check', '--json'], { cwd, env })).stdout)
  expect(models).toHaveLength(24)
  for (const model of models) expect(Object.keys(model)).toEqual(['id', 'endpoint'])
})

test('an unknown provider is named with its neighbours', async () => {
  const { cwd } = place()
  expect(await runCli(['init', '--provider', 'grok'], { cwd, env })).toEqual({
    code: 2,
    stdout: '',
    stderr: `Unknown provider "grok". Did you mean "groq"? Available: ${Object.keys(presets).join(', ')}.\n`,
  })
})
