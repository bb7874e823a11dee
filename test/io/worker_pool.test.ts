import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { UpstreamError, UsageError } from '../../src/errors.ts'
import type { Segment } from '../../src/io/framing.ts'
import { createWorkerPool } from '../../src/io/worker_pool.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const start = {
  router: {},
  job: { format: 'lines', promptColumn: 'prompt', lineEnd: '\n', asDecisions: false, asGzip: false },
} as const
const segmentOf = (bytes: number[]): Segment => ({
  bytes: Uint8Array.from(bytes),
  spans: new Int32Array(0),
  line: 1,
  rejects: [],
  isIdle: false,
  next: { offset: 0, line: 1 },
})

/** A pool of workers that run `body` for every question. */
const poolOf = (count: number, body: string) => {
  const program = `
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', ({ id, segment }) => { ${body} })`
  return createWorkerPool(count, start, pathToFileURL(folder.write('worker.mjs', program)))
}

describe('a pool', () => {
  test('answers each question with its own result, whichever worker is quicker', async () => {
    const pool = poolOf(
      2,
      `setTimeout(() => parentPort.postMessage({ id, routed: { output: segment.bytes, rows: 1, strong: 0, rejects: [] } }), 20 * (segment.bytes[0] % 3))`,
    )
    const answers = await Promise.all([5, 4, 3, 2, 1].map(value => pool.route(segmentOf([value]))))
    expect(answers.map(({ output }) => output[0])).toEqual([5, 4, 3, 2, 1])
    await pool.close()
  })

  test('gives errors their class back', async () => {
    const pool = poolOf(
      1,
      `parentPort.postMessage({ id, failure: { name: ['UsageError', 'UpstreamError', 'DataError', 'TypeError'][segment.bytes[0]], message: 'why', stack: 'where' } })`,
    )
    const errorOf = (kind: number) => pool.route(segmentOf([kind])).catch(error => error)
    expect(await errorOf(0)).toEqual(new UsageError('why'))
    expect(await errorOf(1)).toEqual(new UpstreamError('why'))
    expect(await errorOf(2)).toBeInstanceOf(UsageError)
    expect(await errorOf(3)).toMatchObject({ name: 'Error', message: 'why', stack: 'where' })
    await pool.close()
  })

  test('fails, and does not wait, where a worker dies', async () => {
    const pool = poolOf(1, 'process.exit(3)')
    await expect(pool.route(segmentOf([1]))).rejects.toThrow(
      'a batch worker ended with code 3 before its work was done',
    )
    await expect(pool.route(segmentOf([1]))).rejects.toThrow('a batch worker ended')
    await pool.close()
    const throwing = poolOf(1, `throw new RangeError('too far')`)
    await expect(throwing.route(segmentOf([1]))).rejects.toThrow('too far')
    await throwing.close()
  })
})
