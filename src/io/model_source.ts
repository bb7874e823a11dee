import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { type Pooling, poolings } from '../math/token_pooling.ts'
import { printable } from '../registry.ts'
import { createHubFolder } from './hub_folder.ts'

/** What a quantisation is called, and what its file's name ends in: transformers.js's own words. */
const SUFFIXES: Readonly<Record<string, string>> = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
}
const HUB_ID = /^\w[\w.-]*\/\w[\w.-]*$/

/** A folder of model files, here or fetched file by file from the hub. */
export interface ModelFolder {
  /** Where the files lie. */
  readonly path: string
  /** What to do where a file is missed. */
  readonly advice: string
  /** Path of a file, once it is here; undefined where the model has no such file. */
  find(name: string): Promise<string | undefined>
}

/** A model that was named: where its files are, and what was asked for. */
export interface ModelSource {
  readonly folder: ModelFolder
  /** The ONNX file. */
  readonly file: string
  /** Where the name asks for another than the model's own. */
  readonly pooling: Pooling | undefined
}

/**
 * Finds the model that `source` names: a folder, else a hub id (`organisation/name`), with `@` and a quantisation (fp32, fp16,
 * q8 …) or a pooling (mean, cls …) behind it, or both. Without a quantisation: fp32 where there is one, else q8.
 * @throws UsageError where there is neither, or no ONNX file, or nothing can be downloaded; UpstreamError of the hub.
 */
export async function openModelSource(source: string): Promise<ModelSource> {
  const { name, dtype, pooling } = parse(source)
  const folder = openFolder(name)
  const suffixes = dtype === undefined ? [SUFFIXES.fp32!, SUFFIXES.q8!] : [SUFFIXES[dtype]!]
  const files = suffixes.flatMap(suffix => [`onnx/model${suffix}.onnx`, `model${suffix}.onnx`])
  for (const candidate of files) {
    const file = await folder.find(candidate)
    if (file === undefined) continue
    await folder.find(`${candidate}_data`)
    return { folder, file, pooling }
  }
  throw new UsageError(`${shown(source)}: expected ${files.join(' or ')} in ${folder.path}, got none. ${folder.advice}`)
}

/** As it stands in a message. */
export function shown(source: string): string {
  return `transformers:${printable(source)}`
}

function parse(source: string): { name: string; dtype: string | undefined; pooling: Pooling | undefined } {
  const words: string[] = []
  let name = source
  for (let match = /^(.*)@(\w+)$/.exec(name); match; match = /^(.*)@(\w+)$/.exec(name)) {
    name = match[1]!
    words.push(match[2]!)
  }
  const unknown = words.find(word => !Object.hasOwn(SUFFIXES, word) && !isPooling(word))
  if (unknown !== undefined) {
    const known = [...Object.keys(SUFFIXES), ...poolings].join(', ')
    throw new UsageError(`${shown(source)}: expected one of ${known} behind @, got "${printable(unknown)}".`)
  }
  if (name === '') {
    throw new UsageError(
      'embedder transformers: expected a model, got none. Name a folder or a hub id, such as transformers:Xenova/all-MiniLM-L6-v2.',
    )
  }
  return { name, dtype: words.find(word => Object.hasOwn(SUFFIXES, word)), pooling: words.find(isPooling) }
}

function isPooling(word: string): word is Pooling {
  return poolings.includes(word as Pooling)
}

function openFolder(name: string): ModelFolder {
  const path = resolve(name.replace(/^~(?=\/)/, homedir()))
  if (existsSync(path) && statSync(path).isDirectory()) {
    const advice = 'Name another quantisation, or export the model to ONNX (optimum-cli export onnx).'
    return { path, advice, find: async file => existing(join(path, file)) }
  }
  if (HUB_ID.test(name)) return createHubFolder(name)
  throw new UsageError(
    `${shown(name)}: expected a folder or a hub id, got no folder ${path}. Where the weights of a checkpoint have moved, say where to with --embedder.`,
  )
}

function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined
}
