// Writes llmroute.safetensors beside an exported classifier: what it saw, and how it does on the fifth that it did not see.
// usage: esbuild seal.ts --bundle --platform=node --format=esm --packages=external | node - FOLDER PARTS FILES…
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { measureTraining } from '../../../src/cli/output/train_report.ts'
import { selectRows } from '../../../src/evaluation/outcomes.ts'
import { figuresOf } from '../../../src/evaluation/worth.ts'
import { writeCheckpoint } from '../../../src/io/checkpoint.ts'
import { readOutcomes } from '../../../src/io/outcomes.ts'
import { openSequenceClassifier } from '../../../src/io/sequence_classifier.ts'
import { storedQuantiles } from '../../../src/routing/calibration.ts'
import { bertWinRate } from '../../../src/strategies/label_win_rate.ts'
import { normalizePrompt, promptHash } from '../../../src/text/hash.ts'

const MODEL_FILE = 'onnx/model_quantized.onnx'

const [folder, partsFile, ...files] = process.argv.slice(2) as [string, string, ...string[]]
const parts = JSON.parse(readFileSync(partsFile, 'utf8')) as Record<string, string>
const { outcomes } = await readOutcomes(files)
const letters = outcomes.sources.flatMap(({ name }) => [...parts[name]!])
if (letters.length !== outcomes.prompts.length) throw new Error('the parts are of other files')
const rowsIn = (isWanted: (letter: string) => boolean) =>
  Int32Array.from(letters.keys()).filter(row => isWanted(letters[row]!))
const held = selectRows(
  outcomes,
  rowsIn(letter => letter === 'h'),
)
const seen = selectRows(
  outcomes,
  rowsIn(letter => letter !== 'h'),
)

const classifier = await openSequenceClassifier(folder)
const logits = await classifier.logits(held.prompts)
const winRates = Float64Array.from(held.prompts, (_, i) => bertWinRate(logits.subarray(3 * i, 3 * i + 3)))
const report = await measureTraining('bert', held, winRates, { resamples: 1000, seed: 0 })
for (const { name, rows, strategies } of report.files) {
  const { apgr, apgrLow, apgrHigh, minusLength, minusLengthLow, minusLengthHigh } = strategies.at(-1)!
  console.log(name, rows, { apgr, apgrLow, apgrHigh, minusLength, minusLengthLow, minusLengthHigh })
}
const quantiles = storedQuantiles(winRates)
const hashes = BigUint64Array.from(new Set(seen.prompts.map(normalizePrompt)), promptHash).sort()
await writeCheckpoint(join(folder, 'llmroute.safetensors'), {
  metadata: {
    strategy: 'bert',
    models: ['gpt-4-1106-preview', 'mixtral-8x7b-instruct'],
    pair: { strong: 'gpt-4-1106-preview', weak: 'mixtral-8x7b-instruct' },
    featureVersion: 1,
    trainedOn: outcomes.sources.map(({ name, sha256 }, source) => {
      const measured = report.files.find(file => file.source === source)?.strategies.at(-1)
      const rows = seen.source.filter(other => other === source).length
      return { name, rows, sha256, ...(measured ? figuresOf(measured) : {}) }
    }),
    measured: { ...figuresOf(report.overall), beatsSingleModel: report.overall.beatsSingleModel },
    date: new Date().toISOString().slice(0, 10),
    seed: 0,
    options: {
      tieShare: 0.5,
      measuredOn: 'on the fifth held out',
      modelFile: MODEL_FILE,
      modelSha256: createHash('sha256').update(readFileSync(join(folder, MODEL_FILE))).digest('hex'),
    },
  },
  tensors: {
    win_rate_quantiles: { shape: [quantiles.length], data: quantiles },
    seen: { shape: [hashes.length], data: hashes },
  },
})
