import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DataError } from '../errors.ts'
import { didYouMean } from '../registry.ts'

/** The strategy used where nobody names one. */
export const defaultStrategy = 'blend'

/** The embedder that weights are fitted on where nobody names one. */
export const defaultEmbedder = 'static'

/** A file that ships in datasets/. */
export interface Dataset {
  readonly id: string
  readonly summary: string
  /** Path from the package's root. */
  readonly file: string
}

/** Every shipped data set, written for this project. */
export const datasetCatalog: readonly Dataset[] = [
  {
    id: 'sample',
    summary: "outcomes of two imaginary models, scores by the authors' judgement: for trying things out, no benchmark",
    file: 'datasets/sample.csv',
  },
  { id: 'requests', summary: 'requests without outcomes, with and without messages', file: 'datasets/requests.jsonl' },
]

/**
 * The path of a data file: `name` itself where such a file exists, else the shipped data set of that id, else `name`.
 * @throws DataError where `name` is neither and looks like the id of a data set.
 */
export function resolveDataset(name: string): string {
  const shipped = datasetCatalog.find(({ id }) => id === name)
  if (name === '-' || existsSync(name)) return name
  if (shipped) return join(packageRoot(), shipped.file)
  if (/[./\\]/.test(name)) return name
  const ids = datasetCatalog.map(({ id }) => id)
  throw new DataError(
    name,
    undefined,
    `expected a file that can be read, got no such file.${didYouMean(name, ids)} llmroute list datasets shows the shipped ones.`,
  )
}

/** Path of the checkpoint shipped for a strategy: a file, or the folder of a neural model. */
export function shippedCheckpoint(strategyId: string): string | undefined {
  return shippedCheckpoints().find(({ id }) => id === strategyId)?.file
}

/** Paths of all shipped checkpoints with their ids, by id. */
export function shippedCheckpoints(): { id: string; file: string }[] {
  const folder = join(packageRoot(), 'checkpoints')
  return readdirSync(folder)
    .filter(name => name.endsWith('.safetensors') || existsSync(join(folder, name, 'llmroute.safetensors')))
    .sort()
    .map(name => ({ id: basename(name, '.safetensors'), file: join(folder, name) }))
}

let root: string | undefined

/** The folder that holds package.json: from source, from the bundle and from its chunks alike. */
export function packageRoot(): string {
  if (root === undefined) {
    root = dirname(fileURLToPath(import.meta.url))
    while (!existsSync(join(root, 'package.json'))) root = dirname(root)
  }
  return root
}
