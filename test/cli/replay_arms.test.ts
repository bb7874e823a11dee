import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
const ROWS = 600

test('replay of a log that ab wrote compares its arms: by keys, with an interval and a verdict', async () => {
  const rows = Array.from({ length: ROWS }, (_, i) => `r${i},question ${i},user ${i % 200}`)
  folder.write('requests.csv', `id,prompt,key\n${rows.join('\n')}\n`)
  const split = ['--policy', 'ab', '--policy-option', 'split={a: 0.7, b: 0.3}', '--models', 'a,b']
  const batch = ['batch', 'requests.csv', '-o', 'routed.csv', ...split, '--log', 'decisions.jsonl']
  expect((await runCli(batch, { cwd })).code).toBe(0)

  const log = readFileSync(join(cwd, 'decisions.jsonl'), 'utf8').trim().split('\n')
  const decisions = log.map(line => JSON.parse(line) as { id: string; model: string; key: string })
  // b earns nine of ten, a half of them.
  const scores = decisions.map(({ id, model }, i) => `${id},${Number(model === 'b' ? i % 10 > 0 : i % 2)}`)
  folder.write('feedback.csv', `id,score\n${scores.join('\n')}\n`)
  const replay = [
    'replay',
    'decisions.jsonl',
    '--policy',
    'round_robin',
    '--models',
    'a,b',
    '--feedback',
    'feedback.csv',
  ]
  const { stdout, code } = await runCli([...replay, '--json'], { cwd })
  expect(code).toBe(0)
  const { quality, cost } = JSON.parse(stdout).arms
  const keysOf = (arm: string) => new Set(decisions.filter(({ model }) => model === arm).map(({ key }) => key)).size
  expect(quality).toMatchObject([
    { model: 'a', keys: keysOf('a'), difference: null, verdict: 'is what the others are compared with.' },
    { model: 'b', keys: keysOf('b'), requests: decisions.filter(({ model }) => model === 'b').length },
  ])
  expect(quality[1].difference.low).toBeGreaterThan(0.1)
  expect(quality[1].verdict).toMatch(
    /^is better than a: earns 0\.\d+ more a request, 95 % interval 0\.\d+ to 0\.\d+\.$/,
  )
  expect(cost[1]).toMatchObject({ requests: 0, mean: null })

  const text = (await runCli(replay, { cwd })).stdout
  expect(text).toContain(`b ${quality[1].verdict}\n`)
  expect(text).not.toContain('arm by cost')
})
