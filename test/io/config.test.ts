import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/io/config.ts'
import { saveCalibration } from '../../src/io/config_calibration.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const read = (text: string) => readConfig(folder.write('c.yaml', text))
const FILE = join(folder.path, 'c.yaml')

test('reads models with prices, pair, strategy and threshold; paths are relative to the file', async () => {
  const config = await read(
    'models:\n  a: { input_price: 2.5, output_price: 10 }\n  b:\npair: { strong: a, weak: b }\nstrategy: knn\ncheckpoint: x/y.safetensors\nthreshold: .inf\n',
  )
  expect(config).toEqual({
    file: FILE,
    models: [{ id: 'a', inputPrice: 2.5, outputPrice: 10 }, { id: 'b' }],
    pair: { strong: 'a', weak: 'b' },
    strategy: 'knn',
    checkpoint: join(folder.path, 'x/y.safetensors'),
    threshold: Number.POSITIVE_INFINITY,
  })
})

test.each([
  [
    'threshold: 0.5\nstrateggy: mf\n',
    ':2:1: unknown key "strateggy". Did you mean "strategy"? Available: models, pair, strategy, checkpoint, checkpoint_sha256, threshold, strong_pct, policy, ',
  ],
  ['strategy: mf\nthreshold: high\n', ':2:12: threshold: expected a number, got "high".'],
  ['threshold: .nan\n', ':1:12: threshold: expected a number, got NaN.'],
  ['strong_pct: 30\n', ':1:13: strong_pct: expected a share from 0 to 1, got 30.'],
  ['pair: [a, b]\n', ':1:7: pair: expected { strong: ID, weak: ID }, got ["a","b"].'],
  [
    'models: { a: { input_price: cheap } }\n',
    ':1:29: models.a.input_price: expected US dollars per million tokens, got "cheap".',
  ],
  ['- a\n', ':1:1: expected keys and values, got a list.'],
  ['a: [\n', ':2:1: expected YAML, got '],
])('%j is refused with line and column', async (text, message) => {
  await expect(read(text)).rejects.toThrow(`${FILE}${message}`)
})

test('a calibration is written into the file, and everything else in it stays', async () => {
  const file = folder.write('kept.yaml', '# mine\nmodels:\n  a: { input_price: 1 } # cheap\nstrong_pct: 0.4\n')
  const checkpoint = { file: join(folder.path, 'w.safetensors'), sha256: 'ff', isShipped: false }
  await saveCalibration({ strategy: 'linear', threshold: 0.25, checkpoint }, file)
  expect(readFileSync(file, 'utf8')).toBe(
    '# mine\nmodels:\n  a: { input_price: 1 } # cheap\nstrategy: linear\nthreshold: 0.25\ncheckpoint: w.safetensors\ncheckpoint_sha256: ff\n',
  )
  expect(await readConfig(file)).toMatchObject({ threshold: 0.25, checkpoint: checkpoint.file, checkpointSha256: 'ff' })
})

test('a new file is made where there is none, a shipped checkpoint goes by its strategy', async () => {
  const directory = join(folder.path, 'new')
  mkdirSync(directory)
  const file = join(directory, 'llmroute.yaml')
  const checkpoint = { file: '/anywhere/linear.safetensors', sha256: 'ff', isShipped: true }
  await saveCalibration({ strategy: 'linear', threshold: Number.POSITIVE_INFINITY, checkpoint }, file)
  expect(readFileSync(file, 'utf8')).toBe('strategy: linear\nthreshold: .inf\ncheckpoint_sha256: ff\n')
  rmSync(directory, { recursive: true })
  expect(existsSync(file)).toBe(false)
})
