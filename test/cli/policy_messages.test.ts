import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const write = (name: string, text: string) => {
  const file = join(folder.path, name)
  writeFileSync(file, text)
  return file
}
const run = (...args: string[]) => runCli(args, { cwd: folder.path, env: { NO_COLOR: '1' } })

test('a policy without the options that it takes says what to set', async () => {
  const { code, stderr } = await run('route', 'hi', '--policy', 'rules', '--models', 'a,b')
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr:
      'policy rules: expected rules, got none. Set it in llmroute.yaml (rules: { rules: … }) or with --policy-option.\n',
  })
})

test('where no row can be used, the reason ends with one full stop', async () => {
  const rows = write('rows.csv', 'prompt\nhi\n')
  const { code, stderr } = await run('batch', rows, '--policy', 'profile', '--models', 'a,b')
  expect(code).toBe(2)
  expect(stderr).toContain('Add profile to models in llmroute.yaml.\n')
  expect(stderr).not.toContain('..')
})

test('policy threshold refuses --models by the name of the flag', async () => {
  const { code, stderr } = await run('route', 'hi', '--models', 'a,b')
  expect(code).toBe(2)
  expect(stderr).toMatch(/^--models: expected a policy that picks from a pool, got threshold/)
})

test.each([
  [['--threshold', '0.5'], '--threshold does not count: policy round_robin asks no strategy.\n'],
  [
    ['--strong-pct', '30%', '--strong', 'a', '--weak', 'b'],
    '--strong-pct, --strong, --weak do not count: policy round_robin asks no strategy.\n',
  ],
])('round_robin with %j: a note', async (flags, note) => {
  const { code, stderr } = await run('route', 'hi', '--policy', 'round_robin', '--models', 'a,b', ...flags)
  expect({ code, stderr }).toEqual({ code: 0, stderr: note })
})

test('no note where the pair is the pool, a rule asks for a side of it, or a policy asks the strategy', async () => {
  const pair = ['--strong', 'a', '--weak', 'b']
  const rules = ['--policy', 'rules', '--policy-option', 'rules=[{use: strong}]', '--models', 'a,b']
  const value = ['--policy', 'best_value', '--models', 'a,b', '--strategy', 'length', '--threshold', '0.5']
  for (const flags of [
    ['--policy', 'round_robin', ...pair],
    [...rules, ...pair],
    [...value, ...pair],
  ]) {
    const { code, stderr } = await run('route', 'hi', ...flags)
    expect({ flags, code, stderr }).toEqual({ flags, code: 0, stderr: '' })
  }
})

let learned: string
beforeAll(async () => {
  const rows = Array.from({ length: 40 }, (_, i) => (i % 2 ? `write code number ${i},b` : `tell me a story ${i},a`))
  const data = write('chosen.csv', `prompt,model\n${rows.join('\n')}\n`)
  learned = join(folder.path, 'learned.safetensors')
  const { stderr } = await run('train', '--policy', 'learned', data, '-o', learned)
  expect(stderr).toContain('Saved')
})

test('train --policy learned refuses --strategy', async () => {
  const { code, stderr } = await run('train', '--policy', 'learned', 'chosen.csv', '-s', 'linear')
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: '--strategy: expected a strategy that is trained, got --policy learned, which takes no such flag.\n',
  })
})

test('weights of a policy given as those of a strategy: says how to use them', async () => {
  for (const flags of [[], ['--strategy', 'linear']]) {
    const { code, stderr } = await run('route', 'hi', '--checkpoint', learned, ...flags)
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `${learned}: expected a checkpoint of a strategy, got one of policy learned. Use it with --policy learned --policy-option checkpoint=${learned} --models a,b.\n`,
    })
  }
})

test.each([
  [
    'profile',
    'policy profile: no model that can serve this request has a profile with scores. Add profile to models in llmroute.yaml. None of 30 prompts got a model, so there is nothing to measure.\n',
  ],
  [
    'static',
    'policy static: no model that can serve this request is given for its task type. Add one to tasks, or a default. None of 30 prompts got a model, so there is nothing to measure.\n',
  ],
])('eval --policy %s without options: an error that says what to set', async (policy, message) => {
  const rows = Array.from({ length: 30 }, (_, i) => `prompt ${i},${i % 2},${(i + 1) % 2}`)
  const data = write('wide.csv', `prompt,score:a,score:b\n${rows.join('\n')}\n`)
  const { code, stdout, stderr } = await run('eval', data, '--policy', policy, '--resamples', '20')
  expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: message })
})

test('replay asks for text where the policy reads it, and only there', async () => {
  const line = (i: number) =>
    JSON.stringify({
      ...{ time: '2026-01-01T00:00:00.000Z', id: String(i), promptHash: `h${i}`, inputTokens: 9 },
      ...{ model: 'a', models: ['a'], plan: 'single', policy: 'round_robin', alternatives: [{ model: 'b' }] },
    })
  const log = write('decisions.jsonl', `${[0, 1, 2, 3].map(line).join('\n')}\n`)
  for (const policy of ['cascade', 'ensemble', 'round_robin']) {
    const { code, stdout, stderr } = await run('replay', log, '--policy', policy, '--json')
    expect({ policy, code, stderr }).toEqual({ policy, code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ requests: 4, unread: 0, refused: 0 })
  }
  const { code, stderr } = await run('replay', log, '--policy', 'context', '--strong', 'a', '--weak', 'b')
  expect(code).toBe(2)
  expect(stderr).toContain('expected the text of prompts for policy context, got hashes for all 4 requests')
})
