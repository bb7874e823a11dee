import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli } from '../helpers/run_cli.ts'
import { signalCsv } from '../helpers/signal_csv.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
const calibrate = (...args: string[]) => runCli(['calibrate', ...args], { cwd })
const json = async (...args: string[]) => JSON.parse((await calibrate(...args, '--json')).stdout)
folder.write('rows.csv', signalCsv(400))
await runCli(['train', 'rows.csv', '-o', 'mine.safetensors', '--resamples', '10', '--folds', '2'], { cwd })

test('looks the share up in the checkpoint: also as percentage and as list', async () => {
  const { code, stdout, stderr } = await calibrate('--strong-pct', '0.3,50%')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^target +threshold +strong share\n─+ +─+ +─+\n30\.0% to strong +0\.\d+ +30\.0%\n50\.0% to strong +0\.\d+ +50\.0%\n$/,
  )
})

test('--json has its documented shape', async () => {
  const result = await json('--strong-pct', '30%', '--data', 'rows.csv', '--holdout', '0.25')
  const spending = {
    strongShare: expect.any(Number),
    strongShareLow: expect.any(Number),
    strongShareHigh: expect.any(Number),
    tiedShare: 0,
    quality: null,
    costPer1000: null,
  }
  expect(result).toEqual({
    version: 1,
    strategy: 'blend',
    checkpoint: {
      file: expect.stringContaining('blend.safetensors'),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
    pair: { strong: 'gpt-4-1106-preview', weak: 'mixtral-8x7b-instruct' },
    data: 'rows.csv',
    rows: 400,
    seen: 0,
    skipped: 0,
    targets: [{ kind: 'strong_pct', value: 0.3, threshold: expect.any(Number), ...spending, holdout: spending }],
  })
  expect(result.targets[0].strongShare).toBeCloseTo(0.3, 2)
  expect(Math.abs(result.targets[0].holdout.strongShare - 0.3)).toBeLessThan(0.15)
})

test('the saved threshold is used by route and batch', async () => {
  const directory = join(cwd, 'saved')
  mkdirSync(directory)
  const { stderr } = await runCli(['calibrate', '-p', '0.2', '-c', '../mine.safetensors', '--save'], { cwd: directory })
  expect(stderr).toBe(`Saved ${join(directory, 'llmroute.yaml')}\n`)
  expect(readFileSync(join(directory, 'llmroute.yaml'), 'utf8')).toMatch(
    /^strategy: blend\nthreshold: 0\.\d+\ncheckpoint: \.\.\/mine\.safetensors\ncheckpoint_sha256: [0-9a-f]{64}\n$/,
  )
  const routed = JSON.parse((await runCli(['route', '--json', 'integral please'], { cwd: directory })).stdout)
  const wanted = (await json('-p', '0.2', '-c', 'mine.safetensors')).targets[0].threshold
  expect(routed).toMatchObject({ threshold: wanted, strategy: 'blend', model: expect.stringMatching(/strong|weak/) })

  await runCli(
    ['train', '../rows.csv', '-o', '../mine.safetensors', '--resamples', '10', '--folds', '2', '--seed', '5'],
    {
      cwd: directory,
    },
  )
  const changed = await runCli(['route', 'hi'], { cwd: directory })
  expect(changed.code).toBe(2)
  expect(changed.stderr).toMatch(
    /llmroute\.yaml: expected .*mine\.safetensors with sha256 [0-9a-f]{12}…, got [0-9a-f]{12}…\. The threshold was calibrated on other weights; run llmroute calibrate again, with --save\.\n$/,
  )
  expect((await runCli(['calibrate', '-p', '0.2', '--save'], { cwd: directory })).code).toBe(0)
  expect((await runCli(['route', 'hi'], { cwd: directory })).code).toBe(0)
})

test('quality and cost as targets', async () => {
  const { targets } = await json('--target-quality', '0.95', '--max-cost', '1.20', '--data', 'sample')
  expect(targets.map(({ kind }: { kind: string }) => kind)).toEqual(['target_quality', 'max_cost'])
  expect(targets[0].quality).toBeGreaterThanOrEqual(0.95 * 0.9)
  expect(targets[1].costPer1000).toBeLessThanOrEqual(1.2)
  expect(targets[1].strongShare).toBeGreaterThan(0.1)
})

test('the pair is that of the flags or llmroute.yaml where the data has it, is shown, and is saved when asked for', async () => {
  const scores = Array.from({ length: 60 }, (_, i) => `prompt ${i},1,${i % 2},${i % 3 ? 0 : 1}`).join('\n')
  folder.write('wide.csv', `prompt,score:big,score:mid,score:small\n${scores}\n`)
  const args = ['--target-quality', '0.9', '--data', 'wide.csv', '-s', 'random']
  expect((await json(...args)).pair).toEqual({ strong: 'big', weak: 'small' })
  folder.write('pair.yaml', 'pair: { strong: mid, weak: small }\n')
  expect((await json(...args, '--config', 'pair.yaml')).pair).toEqual({ strong: 'mid', weak: 'small' })
  const { stderr } = await calibrate(...args, '--strong', 'big', '--weak', 'mid', '--save', '--config', 'pair.yaml')
  expect(stderr).toMatch(/^Calibrated for strong big against weak mid\.\nSaved pair\.yaml\n$/)
  expect(readFileSync(join(cwd, 'pair.yaml'), 'utf8')).toContain('pair: { strong: big, weak: mid }\n')
})

test('a bad row stops calibration with its line, unless --skip-bad', async () => {
  folder.write('ragged.csv', 'prompt,user\nhello,a\nhi\nProve it.,b\n')
  const { code, stderr } = await calibrate('-p', '0.5', '--data', 'ragged.csv')
  expect(code).toBe(2)
  expect(stderr).toBe('ragged.csv:3: expected 2 fields, got 1. Mend the row, or leave bad rows out with --skip-bad.\n')
  expect(await json('-p', '0.5', '--data', 'ragged.csv', '--skip-bad')).toMatchObject({ rows: 2, skipped: 1 })
})

test('prompts the checkpoint was trained on are counted', async () => {
  const { stderr } = await calibrate('-p', '0.3', '-c', 'mine.safetensors', '--data', 'rows.csv')
  expect(stderr).toBe(
    '400 of 400 prompts were seen in training: on new prompts win rates are less extreme, so share and quality differ. Calibrate on others.\n',
  )
})

test('ties are reported', async () => {
  folder.write('same.txt', 'hello\nhello\nhello\nand something quite different\n')
  const { code, stderr } = await calibrate('-p', '0.5', '-s', 'length', '--data', 'same.txt')
  expect(code).toBe(0)
  expect(stderr).toMatch(/^75\.0% of the prompts tie at threshold 0\.\d+: the share can only be 100\.0% or 25\.0%\.\n$/)
})

test.each([
  [['--strong-pct', '3'], '--strong-pct: expected a share from 0 to 1 or a percentage such as 30%, got "3".'],
  [['--strong-pct', '0.3,x'], '--strong-pct: expected a share from 0 to 1 or a percentage such as 30%, got "x".'],
  [[], 'calibrate: expected --strong-pct, --target-quality or --max-cost, got none. Try --strong-pct 0.3.'],
  [['--target-quality', '0.9'], '--target-quality: expected --data with outcomes, got none.'],
  [['--max-cost', 'cheap', '--data', 'rows.csv'], '--max-cost: expected dollars per 1,000 prompts, got "cheap".'],
  [
    ['--max-cost', '1', '--data', 'rows.csv'],
    '--max-cost: expected costs for every row of rows.csv, got none. Add cost:<model> columns, or prices of both models in llmroute.yaml.',
  ],
  [
    ['--max-cost', '0.0001', '--data', 'sample'],
    /^--max-cost: expected at least \$0\.\d+ per 1,000 prompts, which weak alone costs, got \$0\.0001\.\n$/,
  ],
  [['-p', '0.3', '--holdout', '0.2'], '--holdout: expected --data beside it, got none.'],
  [
    ['-p', '0.3', '--holdout', '0', '--data', 'rows.csv'],
    '--holdout: expected rows on both sides, got 0 of 400 held out.',
  ],
  [['-p', '0.3,0.4', '--save'], '--save: expected one target, got 2.'],
  [
    ['-p', '0.3', '-s', 'length'],
    '--data: expected your prompts, since length keeps no win rates of its own, got none.',
  ],
])('%j exits 2', async (args, message) => {
  const expected = typeof message === 'string' ? `${message}\n` : expect.stringMatching(message)
  expect(await calibrate(...args)).toEqual({ code: 2, stdout: '', stderr: expected })
})
