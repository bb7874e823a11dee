import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { embedders } from '../../src/embedders/registry.ts'
import { policies } from '../../src/policies/registry.ts'
import { strategies } from '../../src/strategies/registry.ts'
import { runCli } from '../helpers/run_cli.ts'

test.each([
  ['strategies', strategies],
  ['embedders', embedders],
  ['policies', policies],
] as const)('list %s is its registry', async (kind, registry) => {
  const items = Object.entries(registry).map(([id, { summary }]) => ({ id, summary }))
  const { code, stdout } = await runCli(['list', kind, '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({ version: 1, [kind]: items })
  const text = (await runCli(['list', kind])).stdout
  for (const { id, summary } of items)
    expect(text).toMatch(new RegExp(`^${id} +${summary.replace(/[[\]()/.*?]/g, '\\$&')}$`, 'm'))
})

test('list checkpoints says what each was trained on and how it did', async () => {
  const { checkpoints } = JSON.parse((await runCli(['list', 'checkpoints', '--json'])).stdout)
  const shipped = readdirSync('checkpoints').filter(name => name.endsWith('.safetensors') || name === 'bert')
  expect(checkpoints.map(({ id }: { id: string }) => id)).toEqual(
    shipped.map(name => name.replace('.safetensors', '')).sort(),
  )
  for (const checkpoint of checkpoints) {
    expect(checkpoint).toMatchObject({ strategy: checkpoint.id, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(checkpoint.trainedOn.length).toBeGreaterThan(0)
    for (const { rows, apgr } of checkpoint.trainedOn) {
      expect(rows).toBeGreaterThan(0)
      expect(apgr.low).toBeLessThan(apgr.high)
    }
  }
  const text = (await runCli(['list', 'checkpoints'])).stdout
  expect(text).toMatch(/ outcomes; APGR .*:\n/)
  for (const { trainedOn } of checkpoints) {
    for (const { name, apgr } of trainedOn) {
      const interval = [apgr.value, apgr.low, apgr.high].map(value => value.toFixed(3).replace('.', '\\.'))
      expect(text).toMatch(new RegExp(`${name} +[\\d,]+ {2}${interval[0]} \\(${interval[1]} to ${interval[2]}\\)`))
    }
  }
  for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
})

test('list alone shows all five kinds', async () => {
  const { stdout } = await runCli(['list'])
  expect(stdout.match(/^\w+$/gm)).toEqual(['strategies', 'embedders', 'policies', 'datasets', 'checkpoints'])
})

test('an unknown kind', async () => {
  expect(await runCli(['list', 'strategy'])).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'Unknown kind "strategy". Did you mean "strategies"? Available: strategies, embedders, policies, datasets, checkpoints.\n',
  })
})
