import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'
import { wideCsv } from '../helpers/wide_csv.ts'

const folder = temporaryFolder()
const cwd = folder.path
const FAST = ['--resamples', '100']
folder.write('wide.csv', wideCsv(400))
folder.write('llmroute.yaml', 'models:\n  cheap: { weight: 3 }\n  dear: {}\n  poor: {}\n')
const DATA = '/work/shared/data'

async function document(...args: readonly string[]) {
  const { code, stdout, stderr } = await runCli(['eval', ...args, ...FAST, '--json'], { cwd })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

test('best_value by folds: above the straight line, the dear model where it is worth it, singles and oracle beside it', async () => {
  const found = await document('wide.csv', '--policy', 'best_value', '--policy-option', 'lambda=20')
  expect(found).toMatchObject({ version: 1, rows: 400, tested: 400, seen: 0, skipped: 0, best: 'dear' })
  expect(found.models).toEqual(['cheap', 'dear', 'poor'])
  expect(found.methods).toEqual(['knn: trained and tested by 5 folds'])
  const [policy] = found.policies
  expect(policy).toMatchObject({ id: 'best_value', policy: 'best_value', strategy: 'knn', refused: 0 })
  expect(policy.quality.value).toBeGreaterThan(0.8)
  expect(policy.quality.low).toBeLessThan(policy.quality.value)
  expect(policy.quality.high).toBeGreaterThan(policy.quality.value)
  expect(policy.costPer1000.value).toBeLessThan(8)
  expect(policy.shares.dear + policy.shares.cheap + policy.shares.poor).toBeCloseTo(1, 9)
  expect(policy.sweep).toMatchObject({ option: 'lambda', isAboveLine: true })
  expect(policy.sweep.aiq.value - found.line.aiq.value).toBeCloseTo(policy.sweep.minusLine.value, 9)
  expect(policy.sweep.points).toHaveLength(41)
  expect(policy.sweep.points[0].value).toBe(0)
  expect(found.singles.map(({ id }: { id: string }) => id)).toEqual(['dear', 'cheap', 'poor'])
  expect(found.line.points.map(({ model }: { model: string }) => model)).toEqual(['cheap', 'dear'])
  expect(found.costRange.low).toBeCloseTo(0.2, 9)
  expect(found.costRange.high).toBeCloseTo(10, 9)
  expect(found.oracle.quality.value).toBeGreaterThan(policy.quality.value)
  expect(found.random.shares.poor).toBeCloseTo(1 / 3, 9)
  expect(found.notes[0]).toContain('best_value: above the straight line between the best single models')
})

test('several policies, each with its own options; a policy of shares lies near the line of random choices', async () => {
  const found = await document(
    ...['wide.csv', '--policy', 'ab,weighted_round_robin,threshold', '--strategies', 'linear', '--strong', 'dear'],
    ...['--weak', 'cheap', '--policy-option', 'ab.split={cheap: 0.5, dear: 0.5}', '--strong-pct', '30%'],
  )
  const [ab, turns, threshold] = found.policies
  expect(ab.shares.cheap).toBeGreaterThan(0.42)
  expect(ab.shares.poor).toBe(0)
  expect(ab.sweep).toBeNull()
  expect(ab.strategy).toBeNull()
  expect(Math.abs(ab.minusLine.value)).toBeLessThan(0.06)
  expect(turns.shares).toEqual({ cheap: 0.6, dear: 0.2, poor: 0.2 })
  expect(threshold).toMatchObject({ strategy: 'linear', sweep: { option: 'threshold', isAboveLine: true } })
  expect(threshold.shares.dear).toBeCloseTo(0.3, 1)
  expect(found.pair).toEqual({ strong: 'dear', weak: 'cheap' })
})

test('policies of live state see a simulated pool, and the report says so', async () => {
  const found = await document('wide.csv', '--policy', 'least_connections,performance')
  expect(found.notes.join('\n')).toContain('least_connections, performance: the pool is simulated')
  const again = await document('wide.csv', '--policy', 'least_connections,performance')
  expect(again.policies).toEqual(found.policies)
})

test('the table and the plot', async () => {
  const args = ['eval', 'wide.csv', '--policy', 'best_value', '--plot', 'cost.svg', ...FAST]
  const { code, stdout } = await runCli(args, { cwd })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^wide\.csv: 400 prompts, 3 models, 400 prompts tested\n/)
  expect(stdout).toMatch(/dear \* .*\+0\.000 {2}\+0\.000 to \+0\.000/)
  expect(stdout).toContain('best_value: above the straight line between the best single models, with 95% confidence.')
  const svg = readFileSync(join(cwd, 'cost.svg'), 'utf8')
  expect(svg).toMatch(/^<svg .*<\/svg>\n$/s)
  expect(svg).toContain('US dollars per 1,000 prompts')
  expect(svg).toContain('AIQ ')
})

test('weights that have seen the prompts are not tested on them', async () => {
  await runCli(['train', 'wide.csv', '-s', 'knn', '-o', 'knn.safetensors'], { cwd })
  const args = ['eval', 'wide.csv', '--policy', 'best_value', '-c', 'knn.safetensors', ...FAST]
  const { code, stderr } = await runCli(args, { cwd })
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr:
      'wide.csv: expected prompts that training has not seen, got 400 of 400 seen. Pass --cv 5 to train and test by folds, or --allow-seen to test on them all the same.\n',
  })
  const fresh = folder.write('fresh.csv', wideCsv(150, 2).replaceAll('number', 'item'))
  const found = await document(fresh, '--policy', 'best_value', '-c', 'knn.safetensors')
  expect(found).toMatchObject({ tested: 150, seen: 0, methods: ['knn: weights of knn.safetensors'] })
})

test.each([
  [['--policy', 'best'], /^Unknown policy "best"\. Did you mean "best_value"\?/],
  [['--policy', 'ab,ab'], /^--policy: expected each id once, got ab twice\.\n$/],
  [
    ['--policy', 'ab,best_value', '--policy-option', 'lambda=2'],
    /^--policy-option: expected the policy before the option of one of several, such as ab\.lambda=…, got lambda\.\n$/,
  ],
  [['--policy', 'ab', '--csv'], /^--csv and --policy: expected one of them, got both\. Leave one out\.\n$/],
  [['--policy', 'ab', '--models', 'dear,nobody'], /^Unknown model "nobody"\./],
])('%j is refused', async (flags, message) => {
  const { code, stderr } = await runCli(['eval', 'wide.csv', ...flags, ...FAST], { cwd })
  expect(stderr).toMatch(message)
  expect(code).toBe(2)
})

test('without costs: qualities, no line and no plot', async () => {
  const bare = wideCsv(120)
    .split('\n')
    .map(line => line.split(',').slice(0, 6).join())
    .join('\n')
  folder.write('bare.csv', bare)
  const found = await document('bare.csv', '--policy', 'round_robin')
  expect(found).toMatchObject({ line: null, costRange: null })
  expect(found.policies[0].costPer1000).toEqual({ value: null, low: null, high: null })
  expect(found.notes.join()).toContain('No costs are known')
  const { code, stderr } = await runCli(['eval', 'bare.csv', '--policy', 'round_robin', '--plot', 'x.svg'], { cwd })
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: '--plot: expected costs of every model in bare.csv, got none. Add columns cost:<model>.\n',
  })
})

test('calibrate finds the least lambda within dollars, and --save writes what route then uses', async () => {
  const args = ['calibrate', '--policy', 'best_value', '--max-cost', '3', '-c', 'knn.safetensors', '--data', 'wide.csv']
  const { code, stdout, stderr } = await runCli([...args, '--save', '--json'], { cwd })
  expect(code).toBe(0)
  expect(stderr).toMatch(/Saved .*llmroute\.yaml\n$/)
  const [target] = JSON.parse(stdout).targets
  expect(target).toMatchObject({ kind: 'max_cost', value: 3, holdout: null })
  expect(target.costPer1000).toBeLessThanOrEqual(3)
  expect(target.costPer1000).toBeGreaterThan(1.5)
  const config = readFileSync(join(cwd, 'llmroute.yaml'), 'utf8')
  expect(config).toContain(`policy: best_value\nbest_value:\n  lambda: ${target.lambda}\n`)
  expect(config).toContain('cheap: { weight: 3 }')
  const cheaper = await runCli([...args.slice(0, 4), '0.1', ...args.slice(5)], { cwd })
  expect(cheaper.stderr).toMatch(
    /^--max-cost: expected at least \$0\.2\d* per 1,000 prompts, which the cheapest choices cost in wide\.csv, got \$0\.1\.\n$/,
  )
  const other = await runCli([...args.slice(0, 2), 'ab', ...args.slice(3)], { cwd })
  expect(other.stderr).toBe('--policy: expected best_value, whose lambda can be calibrated, got ab.\n')
})

test.skipIf(!existsSync(DATA))('on routerbench the report says whether best_value is above the line', async () => {
  const found = await document(`${DATA}/routerbench_mbpp.csv`, '--policy', 'best_value')
  const [{ sweep }] = found.policies
  expect(sweep.aiq.low).toBeLessThan(sweep.aiq.value)
  expect(found.notes[0]).toMatch(
    sweep.isAboveLine === true ? /: above the straight line/ : /: (not shown to be above|below) the straight line/,
  )
})
