import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
const config = folder.write(
  'pool.yaml',
  `
models:
  big: { context_window: 128000, tools: true, vision: true, input_price: 10, output_price: 30, output_tokens: 300 }
  small: { context_window: 100, input_price: 1, output_price: 2, output_tokens: 300 }
policy: rules
rules:
  - { name: german, when: { language: de }, model: big }
  - { when: { user: bob }, model: small }
  - { when: { metadata.plan: free }, model: small }
`,
)
const route = (...args: string[]) => runCli(['route', ...args], { cwd })
const models = ['--models', 'a,b,c']

describe('route', () => {
  test('a policy of the command line, with its options in YAML', async () => {
    const split = ['--policy', 'ab', '--policy-option', 'split={a: 0.5, b: 0.5}', '--models', 'a,b']
    const chosen = await Promise.all(['u1', 'u2', 'u1'].map(key => route('hi', ...split, '--key', key)))
    for (const { stdout, stderr } of chosen)
      expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^[ab]\n$/), stderr: '' })
    expect(chosen[2]!.stdout).toBe(chosen[0]!.stdout)
    const dotted = ['--policy-option', 'split.a=1', '--policy-option', 'split.b=0']
    expect((await route('hi', '--policy', 'ab', ...dotted, '--models', 'a,b')).stdout).toBe('a\n')
  })

  test('the policy of llmroute.yaml, fields of the request, and what would have been', async () => {
    const bob = await route('hi', '--config', config, '--user', 'bob', '--explain')
    expect(bob).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('rules: small\n') })
    expect(bob.stdout).toContain('rule 2')
    const german = await route(
      'Erkläre bitte, warum der Himmel am Abend rot ist.',
      '--config',
      config,
      '--json',
      '--explain',
    )
    expect(JSON.parse(german.stdout)).toMatchObject({ model: 'big', policy: 'rules', reasons: [{ kind: 'rule' }] })
    expect((await route('hi', '--config', config, '--field', 'plan=free')).stdout).toBe('small\n')
  })

  test('a request that nobody can serve names the reason of each model', async () => {
    const { code, stdout, stderr } = await route(
      'hi',
      '--config',
      config,
      '--policy',
      'round_robin',
      '--tag',
      'region:eu',
    )
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'no model can serve this request: big: no tag region:eu; small: no tag region:eu. Ask for less, or add a model that can to models in llmroute.yaml.\n',
    })
  })

  test('a cap on its cost leaves the models that are cheap enough', async () => {
    expect((await route('hi', '--config', config, '--policy', 'round_robin', '--max-cost', '0.001')).stdout).toBe(
      'small\n',
    )
  })

  test.each([
    [['--policy', 'ruond_robin', ...models], 'Unknown policy "ruond_robin". Did you mean "round_robin"?'],
    [['--policy', 'round_robin'], 'policy: expected models to pick from, got none.'],
    [['--policy-option', 'a=b'], '--policy-option: expected --policy beside it, got none.'],
    [
      ['--policy', 'ab', '--policy-option', 'split', ...models],
      '--policy-option: expected NAME=VALUE with a value in YAML, got "split".',
    ],
    [
      ['--policy', 'round_robin', '--models', 'a,a'],
      '--models: expected different ids with commas between them, got "a,a".',
    ],
    [
      ['--policy', 'round_robin', ...models, '--policy-option', 'sped=3'],
      'policy round_robin: expected no options, got sped. Leave it out.',
    ],
    [
      ['--policy', 'round_robin', '--models', 'big,bigg', '--config', config],
      'Unknown model "bigg". Did you mean "big"?',
    ],
    [['--field', 'x'], '--field: expected NAME=VALUE, got "x".'],
    [['--max-cost', 'much'], '--max-cost: expected dollars from 0 up, got "much".'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await route('hi', ...(args as string[]))
    expect(stderr).toContain(message)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})

describe('batch', () => {
  test('turns are taken row by row, in order', async () => {
    const { stdout, stderr } = await runCli(['batch', '-', '--policy', 'round_robin', ...models], {
      input: 'w\nx\ny\nz\n',
    })
    expect(stdout).toBe('w\ta\t\t\nx\tb\t\t\ny\tc\t\t\nz\ta\t\t\n')
    expect(stderr).toMatch(/^batch: 4 rows, 50\.0 % to a, 25\.0 % to b, 25\.0 % to c, /)
  })

  test('columns are fields of the request; what no model can serve is rejected with the reasons', async () => {
    const rows = [
      { prompt: 'hi', user: 'bob' },
      {
        messages: [{ role: 'user', content: 'hi' }],
        tools: [{ type: 'function', function: { name: 'f' } }],
        plan: 'free',
      },
      { prompt: 'hi', metadata: { plan: 'free' } },
    ]
    const input = folder.write('rows.jsonl', rows.map(row => `${JSON.stringify(row)}\n`).join(''))
    const output = join(cwd, 'routed.jsonl')
    const { code } = await runCli(['batch', input, '-o', output, '--config', config], { cwd })
    const written = readFileSync(output, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).llmroute_model)
    // The second needs tools, which only big has: its rule is passed over, and none after it matches.
    expect(code).toBe(1)
    expect(written).toEqual(['small', 'small'])
    expect(readFileSync(`${output}.rejected.csv`, 'utf8')).toMatch(/^line,reason,raw\n2,/)
    const csv = folder.write('rows.csv', 'prompt,user,plan\nhi,bob,\nhi,,free\n')
    const decisions = await runCli(['batch', csv, '--config', config, '--json'], { cwd })
    expect(
      decisions.stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).model),
    ).toEqual(['small', 'small'])
  })

  test('a strategy too picks only what can serve a row of JSONL', async () => {
    const input = folder.write(
      'tools.jsonl',
      `${JSON.stringify({ messages: [{ role: 'user', content: 'hi' }], tools: [{ type: 'function', function: { name: 'f' } }] })}\n${JSON.stringify({ prompt: 'hi' })}\n`,
    )
    const pair = ['--strategy', 'length', '--threshold', 'Infinity', '--strong', 'big', '--weak', 'small']
    const { stdout } = await runCli(['batch', input, '--config', config, '--policy', 'threshold', ...pair, '--json'], {
      cwd,
    })
    const chosen = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).model)
    expect(chosen).toEqual(['big', 'small'])
  })

  test('--resume wants the same policy', async () => {
    const input = folder.write('more.csv', 'prompt\na\nb\n')
    const output = join(cwd, 'more.out.csv')
    await runCli(['batch', input, '-o', output, '--policy', 'round_robin', ...models], { cwd })
    const again = await runCli(['batch', input, '-o', output, '--policy', 'least_connections', ...models, '--resume'], {
      cwd,
    })
    expect(again.code).toBe(2)
    expect(again.stderr).toContain('expected policy round_robin, got least_connections')
  })
})
