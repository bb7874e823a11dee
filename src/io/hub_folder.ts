import { createWriteStream, existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { threadId } from 'node:worker_threads'
import { UpstreamError, UsageError } from '../errors.ts'
import { cacheFolder } from './cache_folder.ts'
import { unwritable } from './file_errors.ts'
import type { ModelFolder } from './model_source.ts'

/** Longest silence of the hub, in milliseconds. */
const PATIENCE = 15_000
/** A model that has no such file is remembered by an empty file of this ending beside where it would be. */
const ABSENT = '.absent'

/**
 * A model of the Hugging Face hub (or of the mirror that HF_ENDPOINT names), its files downloaded one by one as they are asked
 * for, and kept in `models/<organisation>/<name>` of the cache folder. HF_TOKEN is sent to that host where it is set.
 * Finding a file throws UsageError where the model is not cached and nothing may be downloaded, or the hub knows no such
 * model; UpstreamError where it cannot be reached.
 */
export function createHubFolder(id: string): ModelFolder {
  const path = join(cacheFolder(), 'models', id)
  const isOffline = !['', '0', 'false'].includes(process.env.LLMROUTE_OFFLINE ?? '')
  const advice = isOffline
    ? 'Nothing may be downloaded: run once without --offline and LLMROUTE_OFFLINE, or name a folder.'
    : 'Name another quantisation, or export the model to ONNX (optimum-cli export onnx) and name the folder.'

  /** The model's first file: without it nothing else is looked for. */
  async function requireModel(): Promise<void> {
    const file = join(path, 'config.json')
    if (existsSync(file)) return
    if (isOffline) throw new UsageError(`transformers:${id}: expected its files in ${path}, got none. ${advice}`)
    if (!(await download(id, 'config.json', file, path))) throw unknownModel(id, 404)
  }

  return {
    path,
    advice,
    async find(name) {
      const file = join(path, name)
      if (existsSync(file)) return file
      if (existsSync(file + ABSENT)) return undefined
      await requireModel()
      if (existsSync(file)) return file
      if (isOffline) return undefined
      if (await download(id, name, file, path)) return file
      await writeFile(file + ABSENT, '')
      return undefined
    },
  }
}

/** Whether there is such a file; it is here then, and never half of it. */
async function download(id: string, name: string, file: string, folder: string): Promise<boolean> {
  const hub = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '')
  if (!/^https?:/.test(hub) || !URL.canParse(hub)) {
    throw new UsageError('HF_ENDPOINT: expected an address that starts with http:// or https://, got another.')
  }
  const token = process.env.HF_TOKEN
  const partial = `${file}.${process.pid}.${threadId}`
  const abort = new AbortController()
  let timer = setTimeout(() => abort.abort(), PATIENCE)
  const extend = () => {
    clearTimeout(timer)
    timer = setTimeout(() => abort.abort(), PATIENCE)
  }
  try {
    await mkdir(dirname(file), { recursive: true })
    const headers = token ? { authorization: `Bearer ${token}` } : {}
    const response = await fetch(`${hub}/${id}/resolve/main/${name}`, { headers, signal: abort.signal })
    if (response.status === 404) return false
    if (response.status === 401 || response.status === 403) throw unknownModel(id, response.status)
    if (!response.ok || !response.body) throw unreachable(hub, id, name, folder, `status ${response.status}`)
    const watched = new Transform({
      transform(chunk, _, done) {
        extend()
        done(null, chunk)
      },
    })
    await pipeline(Readable.fromWeb(response.body as never), watched, createWriteStream(partial))
    await rename(partial, file)
    return true
  } catch (error) {
    await rm(partial, { force: true })
    if (error instanceof UsageError || error instanceof UpstreamError) throw error
    const { code, path, cause, name: kind } = error as NodeJS.ErrnoException & { cause?: { code?: string } }
    if (path !== undefined) throw unwritable(partial, error)
    const reason = abort.signal.aborted ? `nothing in ${PATIENCE} ms` : `no connection (${cause?.code ?? code ?? kind})`
    throw unreachable(hub, id, name, folder, reason)
  } finally {
    clearTimeout(timer)
  }
}

function unknownModel(id: string, status: number): UsageError {
  return new UsageError(
    `transformers:${id}: expected a folder or a model of the hub, got status ${status}. Check the name; a model that is not public needs HF_TOKEN.`,
  )
}

function unreachable(hub: string, id: string, name: string, folder: string, reason: string): UpstreamError {
  return new UpstreamError(
    `${new URL(hub).host}: expected ${name} of ${id}, got ${reason}. Try again later, put the model's files into ${folder} and go on with --offline, or name a folder that has them.`,
  )
}
