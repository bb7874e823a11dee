import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCheckpoint } from '../../src/io/checkpoint.ts'
import { runCli } from '../helpers/run_cli.ts'
import { signalCsv } from '../helpers/signal_csv.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
const train = (...args: string[]) => runCli(['train', ...args, '--resamples', '50'], { cwd })
/** Where no figure counts. */
const quickly = ['--folds', '2']
folder.write('a.csv', signalCsv(300, 1))
folder.write('b.csv', signalCsv(200, 2))

test('prints a cross-validated report, then saves', async () => {
  const { code, stdout, stderr } = await train('a.csv', '-o', 'mine.safetensors')
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringContaining(
      `Saved ${join(cwd, 'mine.safetensors')}, which routes between strong and weak. Name the pair with --strong and --weak.\nNext: `,
    ),
  })
  expect(stdout).toMatch(/^a: 300 prompts, strong earns 0\.\d{3}, weak 0\.\d{3}; 5-fold cross-validation\n/)
  expect(stdout).toMatch(/\nblend +0\.\d{3} +0\.\d{3} to 0\.\d{3}/)
  expect(stdout).toContain('blend beats length (longer prompts to strong) with 95% confidence: +0.')
})

test('the checkpoint knows what it was trained on', async () => {
  await train(
    'a.csv',
    'b.csv',
    '-o',
    'both.safetensors',
    '--strong',
    'big',
    '--weak',
    'small',
    '--seed',
    '9',
    ...quickly,
  )
  const { metadata, tensors } = await readCheckpoint(join(cwd, 'both.safetensors'))
  expect(metadata).toMatchObject({ strategy: 'blend', pair: { strong: 'big', weak: 'small' }, seed: 9 })
  const apgr = { value: expect.any(Number), low: expect.any(Number), high: expect.any(Number) }
  expect(metadata.trainedOn).toEqual([
    { name: 'a', rows: 300, sha256: sha256('a.csv'), apgr, minusLength: apgr },
    { name: 'b', rows: 200, sha256: sha256('b.csv'), apgr, minusLength: apgr },
  ])
  expect(metadata.measured).toEqual({ apgr, minusLength: apgr, beatsSingleModel: expect.any(Boolean) })
  expect(metadata.date).toMatch(/^\d{4}-\d\d-\d\d$/)
  expect(tensors.win_rate_quantiles!.data).toHaveLength(1001)
  const seen = tensors.seen!.data as BigUint64Array
  expect(seen).toEqual(seen.toSorted())
})

test('the same seed gives the same file, byte for byte', async () => {
  await train('a.csv', '-o', 'one.safetensors', ...quickly)
  await train('a.csv', '-o', 'two.safetensors', ...quickly)
  expect(readFileSync(join(cwd, 'one.safetensors'))).toEqual(readFileSync(join(cwd, 'two.safetensors')))
})

test('the reported figure does not come from seen prompts: on noise it is near one half', async () => {
  const noise = signalCsv(400, 3).replace(
    /integral|theorem|matrix|kernel|entropy|weather|recipe|garden|birthday|holiday/g,
    'word',
  )
  folder.write('noise.csv', noise)
  const { files } = JSON.parse((await train('noise.csv', '--json')).stdout)
  const { apgr } = files[0].strategies.at(-1)
  expect(Math.abs(apgr - 0.5)).toBeLessThan(0.12)
})

test('--json has its documented shape; without -o nothing is saved', async () => {
  const { stdout, stderr } = await train('a.csv', '--json', '--folds', '3')
  expect(JSON.parse(stdout)).toEqual({
    version: 1,
    strategy: 'blend',
    pair: { strong: 'strong', weak: 'weak' },
    folds: 3,
    seed: 0,
    skipped: 0,
    files: [
      {
        name: 'a',
        pair: { strong: 'strong', weak: 'weak' },
        rows: 300,
        quality: expect.objectContaining({ strong: expect.any(Number), weak: expect.any(Number) }),
        strategies: expect.any(Array),
      },
    ],
    overall: expect.objectContaining({ id: 'blend', sets: 1, apgr: expect.any(Number), beatsLength: true }),
    checkpoint: null,
    kept: null,
  })
  expect(stderr).toBe('Nothing saved: name a file with -o, such as -o mine.safetensors.\n')
})

test('figures stay with their file where two files have one name', async () => {
  mkdirSync(join(cwd, 'other'))
  folder.write('other/a.csv', signalCsv(150, 7))
  await train('a.csv', 'other/a.csv', '-o', 'same.safetensors', ...quickly)
  const { trainedOn } = (await readCheckpoint(join(cwd, 'same.safetensors'))).metadata
  expect(trainedOn.map(({ rows }) => rows)).toEqual([300, 150])
  expect(trainedOn[0]!.apgr).not.toEqual(trainedOn[1]!.apgr)
})

test('a pair that was never measured on one row is nothing to learn from', async () => {
  folder.write(
    'apart.csv',
    `prompt,score:a,score:b\n${Array.from({ length: 40 }, (_, i) => `p ${i},${i % 2 ? '1,' : ',0'}`).join('\n')}\n`,
  )
  const { code, stderr } = await train('apart.csv', '--strong', 'a', '--weak', 'b', '-o', 'apart.safetensors')
  expect(code).toBe(2)
  expect(stderr).toContain('expected rows in which both models of the pair were measured, got none. Name another pair.')
})

test.each([
  [['a.csv', '-s', 'random'], '--strategy: expected one that learns, got random, which has nothing to learn.'],
  [['a.csv', '-s', 'knnn'], 'Unknown strategy "knnn". Did you mean "knn"?'],
  [['a.csv', '--embedder', 'hashin'], 'Unknown embedder "hashin". Did you mean "hashing"?'],
  [['none.csv'], 'none.csv: expected a file that can be read, got no such file.'],
  [['a.csv', '--folds', '1'], '--folds: expected a whole number from 2 up, got "1".'],
  [
    ['a.csv', '-o', 'none/x.safetensors'],
    'none/x.safetensors: expected a place that can be written, got no such directory.',
  ],
])('%j exits 2', async (args, message) => {
  const { code, stderr } = await train(...args)
  expect(code).toBe(2)
  expect(stderr).toContain(message)
})

test('a bad score stops training with its line, unless --skip-bad', async () => {
  folder.write('bad.csv', signalCsv(100).replace(/^(5,.*),[01],[01],/m, '$1,1,often,'))
  const { code, stderr } = await train('bad.csv', '-o', 'bad.safetensors')
  expect(code).toBe(2)
  expect(stderr).toMatch(/^bad\.csv:7: expected weak_score to be .*, got "often"/)
  expect(existsSync(join(cwd, 'bad.safetensors'))).toBe(false)
  expect((await train('bad.csv', '--skip-bad')).stderr).toContain('1 bad rows left out (--skip-bad).\n')
})

const hasSafetensors = spawnSync('python3', ['-c', 'import safetensors, numpy']).status === 0

test.skipIf(!hasSafetensors)("Python's safetensors package reads the checkpoint", async () => {
  await train('a.csv', '-o', 'python.safetensors')
  const script =
    'import sys; from safetensors import safe_open\nwith safe_open(sys.argv[1], "np") as f: print(f.metadata()["strategy"], sorted(f.keys()), f.get_tensor("seen").dtype)'
  expect(execFileSync('python3', ['-c', script, join(cwd, 'python.safetensors')], { encoding: 'utf8' })).toBe(
    "blend ['centre', 'idf', 'landmark_scales', 'landmark_shapes', 'landmarks', 'seen', 'statistics', 'weights', 'win_rate_quantiles', 'word_scales', 'wording_centre', 'words'] uint64\n",
  )
})

function sha256(name: string): string {
  return execFileSync('sha256sum', [join(cwd, name)], { encoding: 'utf8' }).slice(0, 64)
}
