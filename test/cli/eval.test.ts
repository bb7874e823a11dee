import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { hashPrompts } from '../../src/evaluation/contamination.ts'
import { crossValidatedWinRates } from '../../src/evaluation/cross_validation.ts'
import { curve } from '../../src/evaluation/curve.ts'
import { apgr } from '../../src/evaluation/metrics.ts'
import { selectRows } from '../../src/evaluation/outcomes.ts'
import { defaultStrategy } from '../../src/io/catalog.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/io/checkpoint.ts'
import { readOutcomes } from '../../src/io/outcomes.ts'
import * as linear from '../../src/strategies/linear.ts'
import type { Resources } from '../../src/types.ts'
import { binary, runCli } from '../helpers/run_cli.ts'
import { signalCsv } from '../helpers/signal_csv.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const HEAD = 'prompt,strong_score,weak_score\n'
const FAST = ['--resamples', '50']
const data = folder.write('data.csv', signalCsv(300))

interface Document {
  readonly version: number
  readonly file: string
  readonly rows: number
  readonly seen: number
  readonly default: string
  readonly pair: { readonly strong: string; readonly weak: string }
  readonly quality: { readonly strong: number; readonly weak: number }
  readonly beats: { readonly random: string[]; readonly length: string[]; readonly singleModel: string[] }
  readonly notes: readonly string[]
  readonly strategies: readonly (Readonly<Record<string, number | boolean | string | null>> & {
    readonly id: string
    readonly curve: readonly {
      readonly threshold: number | null
      readonly strongShare: number
      readonly quality: number
    }[]
  })[]
  readonly learningCurve?: readonly { readonly trainSize: number; readonly strategies: Document['strategies'] }[]
  readonly by?: readonly {
    readonly category: string
    readonly rows: number
    readonly strategies: Document['strategies']
  }[]
}

async function evalJson(...args: readonly string[]): Promise<Document> {
  const { code, stdout, stderr } = await runCli(['eval', ...args, ...FAST, '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Document
}

function line(document: Pick<Document, 'strategies'>, id: string): Document['strategies'][number] {
  return document.strategies.find(strategy => strategy.id === id)!
}

/** Exit code and standard error, without the folder's path. */
async function failure(...args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const { code, stderr, stdout } = await runCli(['eval', ...args, ...FAST])
  expect(stdout).toBe('')
  return { code, stderr: stderr.replaceAll(`${folder.path}/`, '') }
}

describe('trained and tested by folds', () => {
  let document: Document
  beforeAll(async () => {
    document = await evalJson(data, '--cv', '3', '--strategies', 'linear')
  })

  test('--json has the documented shape', () => {
    expect(document).toMatchObject({ version: 1, file: data, rows: 300, seen: 0, default: defaultStrategy })
    expect(document.pair).toEqual({ strong: 'strong', weak: 'weak' })
    expect(document.quality.strong).toBeGreaterThan(document.quality.weak)
    expect(document.strategies.map(({ id }) => id)).toEqual(['linear', 'random', 'length', 'strong', 'weak', 'oracle'])
    for (const strategy of document.strategies) {
      for (const key of ['apgr', 'apgrLow', 'apgrHigh', 'cpt20', 'cpt50', 'cpt80', 'costPer1000']) {
        expect(strategy[key] === null || typeof strategy[key] === 'number').toBe(true)
      }
      expect([true, false, null]).toContain(strategy.beatsLength)
      expect(strategy.rows).toBe(300)
      const shares = strategy.curve.map(({ strongShare }) => strongShare)
      expect(shares).toEqual(shares.toSorted((a, b) => a - b))
    }
  })

  test('words that tell beat length, and the oracle beats words', () => {
    expect(line(document, 'linear')).toMatchObject({ beatsLength: true })
    expect(line(document, 'linear').apgr).toBeGreaterThan(0.65)
    expect(line(document, 'oracle').apgr).toBeGreaterThan(line(document, 'linear').apgr as number)
    expect(Math.abs((line(document, 'random').apgr as number) - 0.5)).toBeLessThan(0.06)
    expect(line(document, 'length')).toMatchObject({ minusLength: 0, beatsLength: null })
    expect(document.notes[0]).toBe('Beat length with 95% confidence: linear.')
    expect(document.beats).toEqual({ random: ['linear'], length: ['linear'], singleModel: [] })
  })

  test('single models are points without an APGR', () => {
    expect(line(document, 'strong')).toMatchObject({ apgr: null, cpt50: null, minusLength: null, beatsLength: null })
    expect(line(document, 'strong').curve).toMatchObject([{ threshold: 0, strongShare: 1 }])
    expect(line(document, 'weak').curve).toMatchObject([{ threshold: null, strongShare: 0 }])
    expect(line(document, 'length').curve[0]!.threshold).toBeNull()
  })

  test('the same seed gives the same document, another seed other folds', async () => {
    expect(await evalJson(data, '--cv', '3', '--strategies', 'linear')).toEqual(document)
    const other = await evalJson(data, '--cv', '3', '--strategies', 'linear', '--seed', '1')
    expect(line(other, 'linear').apgr).not.toBe(line(document, 'linear').apgr)
    expect(line(other, 'length').apgr).toBe(line(document, 'length').apgr)
  })

  test('whole categories can be held out, and are counted one by one', async () => {
    const grouped = await evalJson(
      data,
      '--cv',
      '2',
      '--group-by',
      'category',
      '--by',
      'category',
      '--strategies',
      'linear',
    )
    expect(grouped.by!.map(({ category, rows }) => [category, rows])).toEqual([
      ['many', 200],
      ['few', 100],
    ])
    expect(line(grouped.by![1]!, 'linear').rows).toBe(100)
    expect((await failure(data, '--cv', '3', '--group-by', 'category')).stderr).toBe(
      'folds (--cv or --folds): expected at least 3 separate groups by category, got 2. Ask for fewer folds.\n',
    )
  })

  test('fits on threads give what fits in this thread give', async () => {
    const file = folder.write('many.csv', signalCsv(1600, 5))
    const document = await evalJson(file, '--cv', '3', '--strategies', 'linear')
    const { outcomes } = await readOutcomes([file])
    const rates = await crossValidatedWinRates(linear, outcomes, { seed: 0 } as Resources, { folds: 3, seed: 0 })
    const points = curve(rates, outcomes.strong, outcomes.weak)
    const { strong, weak } = document.quality
    expect(line(document, 'linear').apgr).toBe(apgr(points, strong, weak))
  })

  test('text: table, verdict and curve on standard output, nothing else on standard error', async () => {
    const { stdout, stderr, code } = await runCli(['eval', data, '--cv', '2', '--strategies', 'linear', ...FAST])
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
    expect(stdout).toContain(`${data}: 300 prompts (pair form)\n`)
    expect(stdout).toContain('trained and tested by 2 folds; seed 0, 50 paired resamples; 300 prompts tested\n')
    expect(stdout).toMatch(/\nstrategy +APGR +95% interval +CPT20 +CPT50 +CPT80 +quality +− length/)
    expect(stdout).toMatch(/\nlinear +0\.\d{3} +0\.\d{3} to 0\.\d{3}.* yes\n/)
    expect(stdout).toContain('quality over share sent to strong\n')
    expect(stdout).not.toContain('\u001b')
  })
})

describe('learning curves and transfer', () => {
  test('--train-size and --draws: one table a size, the largest in strategies', async () => {
    const document = await evalJson(
      data,
      ...'--strategies linear --train-size 150 --train-size 20 --draws 2'.split(' '),
    )
    expect(document.learningCurve!.map(({ trainSize }) => trainSize)).toEqual([20, 150])
    expect(document.learningCurve![1]!.strategies).toEqual(document.strategies)
    expect(line(document.learningCurve![0]!, 'linear').rows).toBe(280)
    expect(line(document, 'linear').rows).toBe(150)
    expect((await failure(data, '--strategies', 'linear', '--train-size', '300')).stderr).toBe(
      '--train-size: expected rows of other prompts left to test on, got none: the file has 300 rows with scores of both models, and 300 are to be learned from. Ask for fewer.\n',
    )
  })

  test('--train-on: prompts of the training file are left out of the test', async () => {
    const half = folder.write('half.csv', signalCsv(300).split('\n').slice(0, 201).join('\n'))
    const document = await evalJson(data, '--strategies', 'linear', '--train-on', half)
    expect(document).toMatchObject({ rows: 300, seen: 200 })
    expect(document.strategies.map(({ rows }) => rows)).toEqual([100, 100, 100, 100, 100, 100])
    const other = folder.write('other.csv', signalCsv(200, 2))
    const transferred = await evalJson(data, '--strategies', 'linear', '--train-on', half, other, '--allow-seen')
    expect(line(transferred, 'linear')).toMatchObject({ rows: 300, beatsLength: true })
    expect(await failure(data, '--strategies', 'linear', '--train-on', data)).toEqual({
      code: 2,
      stderr:
        'data.csv: expected prompts that training has not seen, got 300 of 300 seen (by --train-on). Pass --cv 5 to train and test by folds, or --allow-seen to test on them all the same.\n',
    })
  })
})

describe('several files, several draws', () => {
  const [one, two] = [folder.write('one.csv', signalCsv(160, 11)), folder.write('two.csv', signalCsv(160, 12))]
  const inverted = folder.write('inverted.csv', `${HEAD}a,0,1\nbb,1,1\nccc,0,0\n`)
  const args = ['--strategies', 'knn', ...FAST]

  test('--train-on with the files under test in it: each is tested by what the others teach, then the mean', async () => {
    const files = [one, two, data]
    const { code, stdout } = await runCli(['eval', ...files, '--train-on', ...files, ...args, '--json'])
    expect(code).toBe(0)
    const document = JSON.parse(stdout) as {
      version: number
      files: Document[]
      mean: { id: string; sets: number; apgr: number; apgrLow: number; apgrHigh: number; beatsLength: boolean }[]
    }
    expect(document.version).toBe(1)
    expect(document.files.map(({ file, rows, seen }) => [file, rows, seen])).toEqual(
      files.map((file, i) => [file, [160, 160, 300][i], 0]),
    )
    expect(document.files[1]!.notes).toContain(`${two} is tested, so it was left out of --train-on.`)
    expect(document.mean.map(({ id }) => id)).toEqual(['knn', 'random', 'length', 'oracle'])
    const [knn] = document.mean
    const alone = document.files.map(one => line(one, 'knn'))
    expect(knn).toMatchObject({ sets: 3, beatsLength: true, beatsRandom: true })
    expect(knn!.apgr).toBeCloseTo(alone.reduce((sum, { apgr }) => sum + (apgr as number), 0) / 3, 9)
    const { apgrLow, apgrHigh } = alone[0]!
    expect(knn!.apgrHigh - knn!.apgrLow).toBeLessThan((apgrHigh as number) - (apgrLow as number))

    const { stdout: lone } = await runCli(['eval', one, '--train-on', two, data, ...args, '--json'])
    expect((JSON.parse(lone) as Document).strategies).toEqual(document.files[0]!.strategies)
  })

  test('text: a line a set, the mean, and how often it is better; a set without a gap is not in the mean', async () => {
    const { code, stdout } = await runCli(['eval', one, inverted, '--train-on', two, ...args])
    expect(code).toBe(0)
    const [, summary] = stdout.split('\nAPGR by set ')
    expect(summary).toMatch(/^\(with 95% confidence: \+ above random, \* beats length, ! worse than length\)\n/)
    expect(summary).toMatch(/\none\.csv +160 +0\.\d{3}\+\* +0\.\d{3} /)
    expect(summary).toMatch(/\ninverted\.csv +3 +– +– /)
    expect(summary).toContain('\nmean over 1 sets, each counting alike (the others have no gap)\n')
    expect(summary).toMatch(/\nknn +0\.\d{3} +0\.\d{3} to 0\.\d{3} +yes +\+0\.\d{3} +\+0\.\d{3} to \+0\.\d{3} +yes\n/)
    expect(summary).toContain(
      'knn: above random on 1 of 2 sets, above length on 1, below length on 0, with 95% confidence.\n',
    )
  })

  test('--min-apgr is about the mean', async () => {
    const { code, stderr } = await runCli(['eval', one, two, '--cv', '2', ...args, '--min-apgr', '0.99', '--json'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^knn: APGR 0\.\d{3} is not at least 0\.99 \(--min-apgr\)\.\n$/)
  })

  test('--cv with --draws: other folds each time, the mean of them', async () => {
    const apgrOf = async (...more: string[]) =>
      line(await evalJson(one, '--strategies', 'knn', '--cv', '2', ...more), 'knn').apgr
    const [single, both] = [await apgrOf(), await apgrOf('--draws', '2')]
    expect(await apgrOf('--draws', '1')).toBe(single)
    expect(both).not.toBe(single)
    const { stdout } = await runCli(['eval', one, '--cv', '2', '--draws', '2', ...args])
    expect(stdout).toContain('trained and tested by 2 folds, mean of 2 draws; seed 0, 50 paired resamples; 160 prompts')
    expect(await evalJson(one, '--strategies', 'knn', '--cv', '2', '--draws', '2')).toMatchObject({
      draws: 2,
      folds: 2,
    })
  })
})

describe('checkpoints and what they have seen', () => {
  const half = join(folder.path, 'half.safetensors')
  const whole = join(folder.path, 'whole.safetensors')
  beforeAll(async () => {
    const { outcomes } = await readOutcomes([data])
    const files: readonly [string, number][] = [
      [half, 150],
      [whole, 300],
    ]
    for (const [file, rows] of files) {
      const part = selectRows(
        outcomes,
        Int32Array.from({ length: rows }, (_, i) => i),
      )
      const { metadata, tensors } = await linear.fit(part, { seed: 0 } as Resources)
      const seen = hashPrompts(part.prompts).sort()
      await writeCheckpoint(file, { metadata, tensors: { ...tensors, seen: { shape: [rows], data: seen } } })
    }
  })

  test('prompts that were trained on are counted and left out of every line', async () => {
    const document = await evalJson(data, '--checkpoint', half)
    expect(document).toMatchObject({ rows: 300, seen: 150 })
    expect(document.strategies.map(({ id, rows }) => [id, rows])).toEqual(
      ['linear', 'random', 'length', 'strong', 'weak', 'oracle'].map(id => [id, 150]),
    )
    const { stdout } = await runCli(['eval', data, '--checkpoint', half, ...FAST])
    expect(stdout).toContain('150 prompts were seen in training: left out of every line (--allow-seen keeps them)\n')
  })

  test('a checkpoint that does not say what it has seen: a note', async () => {
    const silent = join(folder.path, 'silent.safetensors')
    const { metadata, tensors } = await readCheckpoint(half)
    const { seen: _, ...others } = tensors
    await writeCheckpoint(silent, { metadata, tensors: others })
    const note = `linear: ${silent} does not say which prompts it was trained on, so whether it has seen these cannot be checked.`
    const document = await evalJson(data, '--checkpoint', silent)
    expect(document).toMatchObject({ rows: 300, seen: 0 })
    expect(document.notes).toContain(note)
    expect((await evalJson(data, '--checkpoint', half)).notes).not.toContain(note)
    expect((await runCli(['eval', data, '--checkpoint', silent, ...FAST])).stdout).toContain(`${note}\n`)
  })

  test('the configured checkpoint takes the place of the shipped one, unless others are asked for', async () => {
    const config = folder.write('weights.yaml', `checkpoint: ${half}\n`)
    const apgrOf = (document: Document) => line(document, 'linear').apgr
    const explicit = apgrOf(await evalJson(data, '--checkpoint', half))
    const document = await evalJson(data, '--config', config)
    expect(apgrOf(document)).toBe(explicit)
    expect(document.notes).toContain(`linear: measured with ${half}, as ${config} says.`)
    expect(line(document, 'mf').rows).toBe(150)
    const shipped = await evalJson(data, '--config', config, '--strategies', 'linear')
    expect(apgrOf(shipped)).not.toBe(explicit)
    expect(shipped.notes.join()).not.toContain('measured with')
    const elsewhere = folder.write('elsewhere.yaml', 'checkpoint: nowhere.safetensors\n')
    const env = { LLMROUTE_CHECKPOINT: half, LLMROUTE_CONFIG: elsewhere }
    const { stdout } = await runCli(['eval', data, ...FAST], { env })
    expect(stdout).toContain(`linear: measured with ${half}, as LLMROUTE_CHECKPOINT says.\n`)
    expect((await failure(data, '--config', elsewhere)).stderr).toMatch(/^nowhere.safetensors: /)
  })

  const shared = '../shared/data/zeroeval_numersense-v2.csv'
  test.skipIf(!existsSync(shared))(
    'what shipped weights have seen is tested by folds, which use none of them',
    async () => {
      expect((await failure(shared, '--strategies', 'linear')).stderr).toContain('got 349 of 349 seen (by linear)')
      const document = await evalJson(shared, '--cv', '2', '--strategies', 'linear')
      expect(document).toMatchObject({ rows: 349, seen: 0 })
      expect(document.strategies.map(({ rows }) => rows)).toEqual(new Array(6).fill(349))
    },
  )

  test('--allow-seen keeps them, and says that it flatters', async () => {
    const document = await evalJson(data, '--checkpoint', whole, '--allow-seen')
    expect(document).toMatchObject({ rows: 300, seen: 300 })
    expect(line(document, 'linear').rows).toBe(300)
    const { stdout } = await runCli(['eval', data, '--checkpoint', whole, '--allow-seen', ...FAST])
    expect(stdout).toContain('300 prompts were seen in training: tested all the same: figures flatter\n')
  })

  test('none left: 2, with the two ways out', async () => {
    expect(await failure(data, '--checkpoint', whole)).toEqual({
      code: 2,
      stderr:
        'data.csv: expected prompts that training has not seen, got 300 of 300 seen (by linear). Pass --cv 5 to train and test by folds, or --allow-seen to test on them all the same.\n',
    })
  })

  test('--min-apgr: 1 below, 0 at or above', async () => {
    const reached = await runCli(['eval', data, '--checkpoint', half, '--min-apgr', '0.6', '--csv', ...FAST])
    expect({ code: reached.code, stderr: reached.stderr }).toEqual({ code: 0, stderr: '' })
    const missed = await runCli(['eval', data, '--checkpoint', half, '--min-apgr', '0.99', '--csv', ...FAST])
    expect(missed.code).toBe(1)
    expect(missed.stderr).toMatch(/^linear: APGR 0\.\d{3} is not at least 0\.99 \(--min-apgr\)\.\n$/)
    const first = await runCli(['eval', data, '--strategies', 'length', '--min-apgr', '0.9', '--csv', ...FAST])
    expect(first.stderr).toMatch(/^length: APGR /)
  })

  test.each([
    [
      ['--checkpoint', half, '--cv', '2'],
      '--checkpoint and --cv, --train-size or --train-on: expected one of them, got both. Leave one out.\n',
    ],
    [
      ['--checkpoint', half, '--checkpoint', whole],
      '--checkpoint: expected one file a strategy, got half.safetensors and whole.safetensors of linear.\n',
    ],
    [
      ['--checkpoint', half, '--strategies', 'length'],
      'half.safetensors: expected a checkpoint of length, got one of linear. Add it to --strategies.\n',
    ],
  ])('%j', async (args, stderr) => {
    expect(await failure(data, ...args)).toEqual({ code: 2, stderr })
  })
})

describe('files', () => {
  test('a shipped data set by its id, with costs', async () => {
    const document = await evalJson('sample', '--strategies', 'length')
    expect(document).toMatchObject({ file: 'sample', seen: 0 })
    expect(document.rows).toBeGreaterThanOrEqual(240)
    expect(line(document, 'length').costPer1000).toBeGreaterThan(0)
    expect(line(document, 'strong').costPer1000).toBeGreaterThan(line(document, 'weak').costPer1000 as number)
  })

  test('prices of llmroute.yaml where the file has no costs', async () => {
    const models =
      'models:\n  big: { input_price: 2, output_price: 10 }\n  small: { input_price: 0, output_price: 1 }\n'
    folder.write('llmroute.yaml', models)
    const args = ['eval', data, '--strategies', 'length', '--strong', 'big', '--weak', 'small', '--json', ...FAST]
    const { stdout } = await runCli(args, { cwd: folder.path })
    const document = JSON.parse(stdout) as Document
    expect(line(document, 'weak').costPer1000).toBeCloseTo(0.3, 9)
    expect(line(document, 'strong').costPer1000).toBeGreaterThan(3)
    expect(document.notes.at(-1)).toContain('llmroute.yaml: 4 characters a token, 300 tokens an answer.')
  })

  test('--config and LLMROUTE_CONFIG name other prices', async () => {
    const prices = (big: number) => `models:\n  big: { output_price: ${big} }\n  small: { output_price: 1 }\n`
    const [ten, twenty] = [folder.write('ten.yaml', prices(10)), folder.write('twenty.yaml', prices(20))]
    const args = ['eval', data, '--strategies', 'length', '--strong', 'big', '--weak', 'small', '--json', ...FAST]
    const cost = async (flags: string[], env: Record<string, string>) => {
      const { stdout } = await runCli([...args, ...flags], { env })
      const document = JSON.parse(stdout) as Document
      return [Math.round(line(document, 'strong').costPer1000 as number), document.notes.at(-1)!.split(':')[0]]
    }
    const said = (file: string) => `costs are estimated from the prices in ${file}`
    expect(await cost(['--config', ten], {})).toEqual([3, said(ten)])
    expect(await cost([], { LLMROUTE_CONFIG: twenty })).toEqual([6, said(twenty)])
    expect(await cost(['--config', ten], { LLMROUTE_CONFIG: twenty })).toEqual([3, said(ten)])
    const missing = await failure('sample', '--strategies', 'length', '--config', 'none.yaml')
    expect(missing).toEqual({ code: 2, stderr: '--config: expected a file, got none at none.yaml.\n' })
  })

  test('no two lines have the same id', async () => {
    const names = ['mf', 'win_rate:mf', 'win_rate:win_rate:mf', 'oracle']
    const rows = [
      `${HEAD.trimEnd()},${names.map(name => `win_rate:${name}`).join()}`,
      'a,1,0,1,1,1,1',
      'bb,1,1,0,0,0,0',
    ]
    const document = await evalJson(folder.write('heads.csv', `${rows.join('\n')}\n`), '--strategies', 'length')
    const ids = document.strategies.map(({ id }) => id)
    expect(ids.slice(0, 4)).toEqual(names.map(name => `win_rate:${name}`))
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('a file without categories cannot be counted or held out by them', async () => {
    const file = folder.write('plain.csv', `${HEAD}a,1,0\nb,0,0\n`)
    expect(await failure(file, '--by', 'category')).toEqual({
      code: 2,
      stderr: 'plain.csv: expected a column category for --by, got none.\n',
    })
    const stderr = 'plain.csv: expected a column category for --group-by, got none.\n'
    expect(await failure(file, '--cv', '2', '--group-by', 'category')).toEqual({ code: 2, stderr })
    const trainOn = ['--train-on', file, '--train-size', '1', '--group-by', 'category']
    expect(await failure(data, ...trainOn)).toEqual({ code: 2, stderr })
  })

  test('--csv: rows without a category are not taken for the total', async () => {
    const file = folder.write('some.csv', 'prompt,strong_score,weak_score,category\na,1,0,x\nb,0,0,\nc,1,0,x\n')
    const { stdout } = await runCli(['eval', file, '--strategies', 'length', '--by', 'category', '--csv', ...FAST])
    const ofLength = stdout.split('\n').filter(row => row.startsWith('length,'))
    expect(ofLength.map(row => row.split(',').slice(2, 4))).toEqual([
      ['', '3'],
      ['x', '2'],
      ['(none)', '1'],
    ])
  })

  test('win rates of a foreign router are compared under its name, or its column where the name is taken', async () => {
    const rows = signalCsv(120)
      .trimEnd()
      .split('\n')
      .map((row, i) => (i === 0 ? `${row},win_rate:theirs,win_rate:mf` : `${row},${(i % 7) / 7},${(i % 5) / 5}`))
    const file = folder.write('foreign.csv', `${rows.join('\n')}\n`)
    const document = await evalJson(file, '--strategies', 'theirs')
    expect(document.notes.slice(0, 2)).toEqual([
      'No strategy beats length (longer prompts to strong) with confidence.',
      'No strategy earns more than strong alone with confidence: what routing saves here is cost.',
    ])
    expect(document.strategies.map(({ id }) => id)).toEqual([
      'theirs',
      'win_rate:mf',
      'random',
      'length',
      'strong',
      'weak',
      'oracle',
    ])
    expect(line(document, 'theirs').curve.at(-1)!.threshold).toBe(0)
    const { stderr } = await failure(file, '--strategies', 'thiers')
    expect(stderr).toContain('Unknown strategy "thiers". Did you mean "theirs"? Available: random, length, blend,')
  })

  test('strong no better than weak: APGR null, a note, exit 0', async () => {
    const file = folder.write('nogap.csv', `${HEAD}a,0,1\nbb,1,1\nccc,0,0\n`)
    const document = await evalJson(file, '--strategies', 'length')
    expect(line(document, 'length')).toMatchObject({ apgr: null, apgrLow: null, cpt50: null, beatsLength: null })
    expect(document.notes[0]).toBe('3 prompts: too few to conclude much.')
    expect(document.notes[1]).toBe(
      'strong earns 0.333 and weak 0.667: there is no gap to recover, so APGR and CPT are undefined.',
    )
    const { stdout, code } = await runCli(['eval', file, '--strategies', 'length', ...FAST])
    expect(code).toBe(0)
    expect(stdout).toContain('there is no gap to recover')
    expect((await runCli(['eval', file, '--strategies', 'length', '--min-apgr', '0.1', ...FAST])).code).toBe(1)
  })

  test.each([
    ['one row', `${HEAD}a,1,0\n`],
    ['one emoji', `${HEAD}👋,1,0\n`],
    ['an empty prompt', `${HEAD},1,0\n`],
    ['BOM and CRLF', `\ufeff${HEAD}"a\nb",1,0\n`.replaceAll('\n', '\r\n')],
  ])('%s is evaluated', async (_, content) => {
    const document = await evalJson(folder.write('odd.csv', content), '--strategies', 'length')
    expect(document).toMatchObject({ rows: 1, quality: { strong: 1, weak: 0, gapLow: 1, gapHigh: 1 } })
    expect(line(document, 'length').apgr).toBeCloseTo(0.5, 9)
  })

  test('rows without scores of both models are not tested', async () => {
    const file = folder.write('gaps.csv', 'prompt,score:a,score:b\np,1,0\nq,,1\nr,1,0\n')
    const document = await evalJson(file, '--strategies', 'length', '--strong', 'a')
    expect(document).toMatchObject({ rows: 2, pair: { strong: 'a', weak: 'b' } })
    expect(document.notes).toContain('1 rows without scores of both models are not tested.')
  })

  test('too few rows with scores of both models: exactly so many are learned from, or it fails', async () => {
    const cells = Array.from({ length: 60 }, (_, i) => `word${i} and ${i % 7},${i % 3 ? 1 : 0},1,${i % 4 ? '' : 0.4}`)
    const file = folder.write('sparse.csv', `prompt,score:a,score:b,score:c\n${cells.join('\n')}\n`)
    for (const seed of ['1', '2', '3']) {
      const args = ['--strong', 'a', '--weak', 'c', '--train-size', '1', '--seed', seed, '--strategies', 'linear']
      const { strategies, rows } = await evalJson(file, ...args)
      expect(rows).toBe(15)
      expect(line({ strategies }, 'linear').rows).toBe(14)
      // One row teaches nothing, and nothing known is all prompts alike: half of the gap.
      expect(line({ strategies }, 'linear').apgr).toBeCloseTo(0.5, 9)
    }
    const single = folder.write('single.csv', 'prompt,score:a,score:c\np,1,0\nq,1,\nr,1,\n')
    const { code, stderr } = await failure(single, '--strong', 'a', '--cv', '2', '--strategies', 'linear')
    expect(code).toBe(2)
    expect(stderr).toMatch(/^linear: expected /)
  })

  test('--skip-bad counts what it leaves out', async () => {
    const file = folder.write('bad.csv', `${HEAD}a,1,0\nb,high,0\nc,1,1\n`)
    expect(await failure(file, '--strategies', 'length')).toEqual({
      code: 2,
      stderr:
        'bad.csv:3: expected strong_score to be a number from 0 to 1, got "high". Correct it or pass --skip-bad.\n',
    })
    expect(await evalJson(file, '--strategies', 'length', '--skip-bad')).toMatchObject({ rows: 2, skipped: 1 })
    const { stdout } = await runCli(['eval', file, '--strategies', 'length', '--skip-bad', ...FAST])
    expect(stdout).toContain('1 bad rows left out (--skip-bad)\n')
  })

  test('--plot writes an SVG, --csv a line a strategy', async () => {
    const plot = join(folder.path, 'curve.svg')
    const { stdout, code } = await runCli(['eval', data, '--strategies', 'length', '--plot', plot, '--csv', ...FAST])
    expect(code).toBe(0)
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(row => row.split(',')[0]),
    ).toEqual(['id', 'random', 'length', 'strong', 'weak', 'oracle'])
    expect(readFileSync(plot, 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
    expect(existsSync(`${plot}.partial`)).toBe(false)
  })
})

describe.concurrent('wrong usage: 2, and what to do', () => {
  test.each([
    [[], "missing required argument 'files'\n"],
    [['none.csv'], 'none.csv: expected a file that can be read, got no such file.\n'],
    [[data, '--strategies', 'rand'], 'Unknown strategy "rand". Did you mean "random"?'],
    [[data, '--strategies', 'constructor'], 'Unknown strategy "constructor".'],
    [[data, '--cv', '1'], '--cv: expected a whole number from 2 up, got "1".\n'],
    [[data, '--cv', '2', '--train-on', data], '--cv and --train-on: expected one of them, got both. Leave one out.\n'],
    [[data, '--draws', '3'], '--draws: expected --cv or --train-size beside it, got none.\n'],
    [[data, '--group-by', 'category'], '--group-by: expected --cv or --train-size beside it, got none.\n'],
    [[data, '--by', 'categry'], '--by: expected category, got "categry". Did you mean "category"?\n'],
    [[data, '--min-apgr', 'NaN'], '--min-apgr: expected a number, got "NaN".\n'],
    [[data, '--seed', '1.5'], '--seed: expected a whole number from 0 up, got "1.5".\n'],
    [
      [data, '--embedder', 'hashing'],
      '--embedder: expected --cv, --train-size, --train-on or --checkpoint beside it, got none.\n',
    ],
    [[data, '--embedder', 'hash', '--cv', '2'], 'Unknown embedder "hash". Did you mean "hashing"?'],
    [[data, '--json', '--csv'], '--json and --csv: expected one of them, got both. Leave one out.\n'],
    [[data, 'sample', '--csv'], '--csv: expected one file, got 2. Use --json.\n'],
    [[data, 'sample', '--plot', 'x.svg'], '--plot: expected one file, got 2. Use --json.\n'],
    [[data, '--prompt-column', 'promt'], 'Unknown column "promt". Did you mean "prompt"?'],
    [['sample', '--strong', 'larg'], 'Unknown model "larg". Did you mean "large"? Available: large, small.\n'],
    [
      [data, '--plot', '/nowhere/x.svg'],
      '/nowhere/x.svg: expected a place that can be written, got no such directory.\n',
    ],
    [[data, '--checkpoint', 'none.safetensors'], 'none.safetensors: expected a checkpoint file, got no such file.'],
    [[data, '--colour'], "unknown option '--colour'\n"],
  ])('%j', async (args, message) => {
    const { code, stderr } = await failure(...args)
    expect(stderr.slice(0, message.length)).toBe(message)
    expect(code).toBe(2)
  })
})

test('a data set that is nearly named', async () => {
  const list = 'llmroute list datasets shows the shipped ones.'
  const missing = 'expected a file that can be read, got no such file.'
  expect((await failure('smaple')).stderr).toBe(`smaple: ${missing} Did you mean "sample"? ${list}\n`)
  expect((await failure('smaple.csv')).stderr).not.toContain(list)
})

test('a category whose gap may be none has no APGR in the table; --json keeps it', async () => {
  const rows = Array.from(
    { length: 60 },
    (_, i) => `${'w '.repeat(1 + ((i * 7) % 31))}${i},${i % 9 ? 1 : 0},${i % 8 ? 1 : 0},even`,
  )
  const clear = Array.from({ length: 60 }, (_, i) => `${'v '.repeat(1 + ((i * 5) % 31))}${i},1,${i % 3 ? 0 : 1},wide`)
  const content = `prompt,strong_score,weak_score,category\n${[...rows, ...clear].join('\n')}\n`
  const file = folder.write('cut.csv', content)
  const { stdout } = await runCli(['eval', file, '--strategies', 'length', '--by', 'category', ...FAST])
  expect(stdout).toMatch(/\neven +60 +0\.\d{3} +0\.\d{3} +– +– /)
  expect(stdout).toMatch(/\nwide +60 +1\.000 +0\.\d{3} +0\.\d{3}/)
  const { by } = await evalJson(file, '--strategies', 'length', '--by', 'category')
  expect(typeof line(by!.find(({ category }) => category === 'even')!, 'length').apgr).toBe('number')
})

const hasTerminal = process.platform === 'linux' && existsSync('/usr/bin/script')
test.skipIf(!hasTerminal)('Ctrl-C ends the live view at once, with the cursor there', async () => {
  const { CI: _, ...env } = process.env
  const command = `stty cols 120; exec ${process.execPath} ${binary} eval sample --cv 10`
  const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { env: { ...env, TERM: 'xterm' } })
  let [screen, pressed] = ['', 0]
  child.stdout.setEncoding('utf8').on('data', chunk => {
    screen += chunk
    if (pressed > 0 || !screen.includes('of 11 lines')) return
    pressed = performance.now()
    setTimeout(() => child.stdin.write('\u0003'), 100)
  })
  const code = await new Promise(resolve => child.on('close', resolve))
  expect(code).toBe(130)
  expect(performance.now() - pressed).toBeLessThan(1500)
  expect(screen.lastIndexOf('\u001b[?25h')).toBeGreaterThan(screen.lastIndexOf('\u001b[?25l'))
})
