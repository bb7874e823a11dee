import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readCheckpoint } from '../src/io/checkpoint.ts'
import { createRandom, shuffledIndexes } from '../src/math/random.ts'
import { runCli } from './helpers/run_cli.ts'
import { temporaryFolder } from './helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
const HEADER = 'id,prompt,strong_score,weak_score'
const HARD = ['integral', 'theorem', 'matrix', 'kernel', 'entropy']
const EASY = ['weather', 'recipe', 'garden', 'birthday', 'holiday']
const FILLER = ['about', 'with', 'please', 'and', 'then', 'again', 'maybe', 'today']

interface Row {
  readonly prompt: string
  /** Strong and weak score. */
  readonly scores: string
}

/** Prompts in which one word tells where strong adds something; length tells nothing. */
function learnableRows(count: number, seed: number): Row[] {
  const random = createRandom(seed)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!
  return Array.from({ length: count }, (_, i) => {
    const isHard = random() < 0.5
    const filler = Array.from({ length: 3 + Math.floor(random() * 8) }, () => pick(FILLER)).join(' ')
    const weak = random() < (isHard ? 0.1 : 0.9) ? 1 : 0
    return { prompt: `${pick(isHard ? HARD : EASY)} ${filler} number ${seed * 1000 + i}`, scores: `1,${weak}` }
  })
}

/** Prompts of words of their own and scores that nothing tells: they can be known by heart, not learned. */
function memorableRows(count: number, seed: number): Row[] {
  const random = createRandom(seed)
  const word = () => Array.from({ length: 8 }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join('')
  return Array.from({ length: count }, () => ({
    prompt: Array.from({ length: 6 }, word).join(' '),
    scores: random() < 0.5 ? '1,0' : '1,1',
  }))
}

function write(name: string, rows: readonly Row[]): string {
  return folder.write(
    name,
    `${[HEADER, ...rows.map(({ prompt, scores }, i) => `${i},"${prompt}",${scores}`)].join('\n')}\n`,
  )
}

interface Line {
  readonly id: string
  readonly apgr: number
  readonly apgrLow: number
  readonly apgrHigh: number
}

async function evaluate(...args: readonly string[]) {
  const { code, stdout, stderr } = await runCli(['eval', ...args, '--resamples', '200', '--json'], { cwd })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as { rows: number; seen: number; strategies: (Line & { rows: number })[] }
}

/** Whether one half lies within the 95 % interval, half as wide again, so that one test in hundreds fails by chance and not one in twenty. */
const holdsHalf = ({ apgr, apgrLow, apgrHigh }: Line) => Math.abs(apgr - 0.5) < 0.75 * (apgrHigh - apgrLow)

const isTrained = ({ id }: Line) => !['random', 'length', 'strong', 'weak', 'oracle'].includes(id)

describe('shuffled scores', () => {
  const rows = learnableRows(400, 1)
  const order = shuffledIndexes(rows.length, 5)
  const shuffled = rows.map(({ prompt }, i) => ({ prompt, scores: rows[order[i]!]!.scores }))

  test('eval --cv finds every trained strategy far above chance on scores as they are', async () => {
    const { strategies } = await evaluate(write('learnable.csv', rows), '--cv', '5')
    const trained = strategies.filter(isTrained)
    expect(trained.length).toBeGreaterThanOrEqual(5)
    for (const { id, apgrLow } of trained) expect(apgrLow, id).toBeGreaterThan(0.6)
  })

  test('and every one at one half on the same scores shuffled', async () => {
    const { strategies } = await evaluate(write('shuffled.csv', shuffled), '--cv', '5')
    const trained = strategies.filter(isTrained)
    expect(trained.length).toBeGreaterThanOrEqual(5)
    for (const line of trained) {
      expect(holdsHalf(line), `${line.id} ${line.apgr}`).toBe(true)
      expect(line.apgrHigh - line.apgrLow, line.id).toBeLessThan(0.2)
    }
  })
})

describe('planted leaks', () => {
  const train = learnableRows(120, 2)
  const fresh = learnableRows(60, 3)
  const disguises: ((prompt: string) => string)[] = [
    prompt => prompt,
    prompt => prompt.toUpperCase(),
    prompt => `  ${prompt.replaceAll(' ', '\n ')}\t`,
    prompt => prompt.replace(' ', '\u00a0'),
  ]
  const leaks = train.slice(0, 40).map((row, i) => ({ ...row, prompt: disguises[i % disguises.length]!(row.prompt) }))
  // One word more is another prompt: what is only alike stays in the test.
  const alike = train.slice(40, 60).map(row => ({ ...row, prompt: `${row.prompt} indeed` }))
  const tested = write('tested.csv', [...fresh.slice(0, 30), ...leaks, ...alike, ...fresh.slice(30)])
  const clean = write('clean.csv', [...fresh.slice(0, 30), ...alike, ...fresh.slice(30)])
  const trained = write('trained.csv', train)

  test('a checkpoint’s are found, exactly those, whatever case and white space', async () => {
    expect((await runCli(['train', trained, '-s', 'knn', '-o', 'knn.safetensors'], { cwd })).code).toBe(0)
    const leaky = await evaluate(tested, '--checkpoint', 'knn.safetensors')
    expect(leaky).toMatchObject({ rows: 120, seen: 40 })
    const without = await evaluate(clean, '--checkpoint', 'knn.safetensors')
    expect(without).toMatchObject({ rows: 80, seen: 0 })
    // Ids of rows differ, prompts and scores do not: leaving out exactly the leaks gives exactly the clean table.
    expect(leaky.strategies).toEqual(without.strategies)
    const { code, stderr } = await runCli(['eval', write('leaks.csv', leaks), '-c', 'knn.safetensors'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toContain('expected prompts that training has not seen, got 40 of 40 seen (by knn).')
  })

  test('so are those of --train-on; and folds keep repeats of a prompt together', async () => {
    const strategies = ['--strategies', 'knn']
    const leaky = await evaluate(tested, '--train-on', trained, ...strategies)
    expect(leaky).toMatchObject({ rows: 120, seen: 40 })
    expect(leaky.strategies).toEqual((await evaluate(clean, '--train-on', trained, ...strategies)).strategies)

    const once = memorableRows(150, 4)
    const twice = [...once, ...once.map(row => ({ ...row, prompt: row.prompt.toUpperCase() }))]
    const [knn] = (await evaluate(write('twice.csv', twice), '--cv', '5', ...strategies)).strategies
    expect(holdsHalf(knn!), `${knn!.apgr}`).toBe(true)
  })
})

describe('what train reports does not come from prompts that it has seen', () => {
  const rows = memorableRows(600, 6)
  const [half, other] = [write('half.csv', rows.slice(0, 300)), write('other.csv', rows.slice(300))]

  test.each(['knn', 'linear'])('%s', async id => {
    const file = `${id}-half.safetensors`
    const args = ['train', half, '-s', id, '--embedder', 'hashing', '-o', file, '--resamples', '200', '--json']
    const { code, stdout } = await runCli(args, {
      cwd,
    })
    expect(code).toBe(0)
    const reported = JSON.parse(stdout).files[0].strategies.at(-1) as Line
    const inSample = (await evaluate(half, '--checkpoint', file, '--allow-seen')).strategies[0]!
    const elsewhere = (await evaluate(other, '--checkpoint', file)).strategies[0]!
    expect(inSample).toMatchObject({ id, rows: 300 })
    expect(elsewhere).toMatchObject({ id, rows: 300 })
    // Known by heart, these rows give nearly what the oracle gives: 3/4 where strong adds something on half of them.
    expect(inSample.apgr).toBeGreaterThan(0.7)
    for (const line of [reported, elsewhere]) {
      expect(holdsHalf(line), `${line.apgr}`).toBe(true)
      expect(line.apgrHigh).toBeLessThan(inSample.apgrLow)
    }

    const { metadata, tensors } = await readCheckpoint(join(cwd, file))
    expect(metadata.trainedOn[0]!.apgr).toEqual({
      value: reported.apgr,
      low: reported.apgrLow,
      high: reported.apgrHigh,
    })
    // A threshold looked up in the stored win rates spends on new prompts what it says; on learned ones it would not.
    const stored = tensors.win_rate_quantiles!.data as Float64Array
    const shareOf = async (data: string) => {
      const args = ['batch', data, '-c', file, '--threshold', String(stored[800]), '--json']
      const decisions = (await runCli(args, { cwd })).stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line))
      expect(decisions).toHaveLength(300)
      return decisions.filter(({ model }) => model === 'strong').length / 300
    }
    const [onNew, onSeen] = [await shareOf(other), await shareOf(half)]
    expect(Math.abs(onNew - 0.2)).toBeLessThan(0.15)
    expect(onSeen).toBeGreaterThan(0.4)
  })
})
