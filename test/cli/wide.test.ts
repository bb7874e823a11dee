import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createRouter } from '../../src/io/router.ts'
import { createRandom } from '../../src/math/random.ts'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const cwd = folder.path
const MODELS = ['tiny', 'small', 'middle', 'large']

/** Outcomes of some of the four models: on hard prompts each is a step better than the one before, on easy ones all are good. */
function wideCsv(models: readonly string[], rows: number, seed: number): string {
  const random = createRandom(seed)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!
  const lines = Array.from({ length: rows }, (_, i) => {
    const isHard = random() < 0.5
    const word = pick(isHard ? ['theorem', 'integral', 'matrix'] : ['weather', 'recipe', 'garden'])
    const scores = MODELS.map((_, m) => Number(random() < (isHard ? 0.1 + 0.28 * m : 0.9)))
    const own = models.map(model => scores[MODELS.indexOf(model)]!)
    return `tell me about the ${word} ${pick(['please', 'today', 'again', 'now'])} ${seed}-${i},${own.join()}`
  })
  return `prompt,${models.map(model => `score:${model}`).join()}\n${lines.join('\n')}\n`
}

folder.write('lower.csv', wideCsv(['tiny', 'small', 'middle'], 400, 1))
folder.write('upper.csv', wideCsv(['middle', 'large'], 400, 2))
folder.write('all.csv', wideCsv(MODELS, 300, 3))

test('mf of two wide files: eval and quality of two models that were never in one file', async () => {
  const trained = await runCli(['train', 'lower.csv', 'upper.csv', '-s', 'mf', '-o', 'mf.safetensors'], { cwd })
  expect(trained.code).toBe(0)
  const args = ['eval', 'all.csv', '-c', 'mf.safetensors', '--strong', 'large', '--weak', 'tiny', '--json']
  const { strategies, seen, pair } = JSON.parse((await runCli(args, { cwd })).stdout)
  expect({ seen, pair }).toEqual({ seen: 0, pair: { strong: 'large', weak: 'tiny' } })
  expect(strategies[0]).toMatchObject({ id: 'mf', beatsLength: true })
  expect(strategies[0].apgrLow).toBeGreaterThan(0.6)

  const router = await createRouter({ checkpoint: join(cwd, 'mf.safetensors') })
  const qualities = await router.quality!(['tell me about the theorem', 'tell me about the weather'], MODELS)
  const [hard, easy] = [qualities.subarray(0, 4), qualities.subarray(4)]
  expect([...hard].sort()).toEqual([...hard])
  expect(hard[3]! - hard[0]!).toBeGreaterThan(0.4)
  for (const quality of easy) expect(quality).toBeGreaterThan(0.75)
})
