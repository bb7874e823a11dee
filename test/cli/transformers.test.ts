// Train, route, batch and evaluate on a sentence encoder in a folder, with the built binary.
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const requests = resolve('datasets/requests.jsonl')
const env = { LLMROUTE_CACHE: join(folder.path, 'cache'), HF_ENDPOINT: 'http://127.0.0.1:1' }
const run = (...args: string[]) => runCli(args, { cwd: folder.path, env })

beforeAll(() => cpSync('test/fixtures/tiny_encoder', join(folder.path, 'mini'), { recursive: true }))

describe.each(['knn', 'mf', 'sw_ranking', 'forest'])('%s on transformers:mini', id => {
  const checkpoint = `${id}.safetensors`

  test('trains, routes, and says where its vectors come from', async () => {
    const trained = await run(
      'train',
      'sample',
      '-s',
      id,
      '--embedder',
      'transformers:mini@q8',
      '-o',
      checkpoint,
      '--resamples',
      '20',
      '--folds',
      '2',
    )
    expect(trained).toMatchObject({ code: 0 })
    const header = readFileSync(join(folder.path, checkpoint), 'latin1').slice(0, 4000)
    expect(header).toMatch(/transformers:mini@q8\W+dimensions\W+32\W+fingerprint\W+[0-9a-f]{16}/)
    const { code, stdout } = await run('route', 'Prove it.', '-c', checkpoint)
    expect(stdout).toMatch(/^(large|small)\n$/)
    expect(code).toBe(0)
  })

  test('threads of batch decide as one does', async () => {
    const [alone, together] = await Promise.all(
      ['0', '2'].map(workers => run('batch', requests, '-c', checkpoint, '--workers', workers)),
    )
    expect(alone!.code).toBe(0)
    expect(together!.code).toBe(0)
    expect(alone!.stdout.split('\n')).toHaveLength(76)
    expect(together!.stdout).toBe(alone!.stdout)
  })
})

test('eval measures such weights, and fits strategies on the encoder', async () => {
  const measured = await run('eval', 'sample', '-c', 'knn.safetensors', '--allow-seen', '--resamples', '20', '--csv')
  expect(measured.stdout).toMatch(/^knn,,,298,/m)
  const fitted = await run(
    'eval',
    'sample',
    '-s',
    'knn',
    '--cv',
    '3',
    '--embedder',
    'transformers:mini',
    '--resamples',
    '20',
    '--csv',
  )
  expect(fitted.stdout).toMatch(/^knn,,,298,/m)
})

test('weights whose model has moved say so, and are told where to', async () => {
  renameSync(join(folder.path, 'mini'), join(folder.path, 'moved'))
  const before = await run('route', 'hi', '-c', 'knn.safetensors')
  expect(before).toMatchObject({
    code: 2,
    stdout: '',
    stderr: `transformers:mini: expected a folder or a hub id, got no folder ${join(folder.path, 'mini')}. Where the weights of a checkpoint have moved, say where to with --embedder.\n`,
  })
  const moved = ['--embedder', 'transformers:moved@q8']
  expect(await run('route', 'hi', '-c', 'knn.safetensors', ...moved)).toMatchObject({ code: 0 })
  const told = { cwd: folder.path, env: { ...env, LLMROUTE_EMBEDDER: moved[1]! } }
  expect(await runCli(['route', 'hi', '-c', 'knn.safetensors'], told)).toMatchObject({ code: 0 })
  expect(await runCli(['route', 'hi'], told)).toMatchObject({ code: 0 })
  const measured = await run(
    'eval',
    'sample',
    '-c',
    'knn.safetensors',
    ...moved,
    '--allow-seen',
    '--resamples',
    '20',
    '--csv',
  )
  expect(measured.stdout).toMatch(/^knn,,,298,/m)
})

test('weights refuse an encoder that they were not trained on, of the same name too', async () => {
  const fingerprint = /[0-9a-f]{16}/
  const refused = await run('route', 'hi', '-c', 'knn.safetensors', '--embedder', 'transformers:moved')
  expect(refused.code).toBe(2)
  expect(refused.stderr.replaceAll(new RegExp(fingerprint, 'g'), '#')).toBe(
    'knn.safetensors: expected a checkpoint fitted on the embedder transformers:moved (32 dimensions, #), got one fitted on transformers:mini@q8 (32 dimensions, #). Use that embedder, or train again.\n',
  )
  cpSync(join(folder.path, 'moved'), join(folder.path, 'mini'), { recursive: true })
  writeFileSync(join(folder.path, 'mini/1_Pooling/config.json'), '{ "pooling_mode_cls_token": true }')
  const changed = await run('route', 'hi', '-c', 'knn.safetensors')
  expect(changed.code).toBe(2)
  expect(changed.stderr).toMatch(
    /fitted on the embedder transformers:mini@q8 .* got one fitted on transformers:mini@q8 /,
  )
  const other = await run('route', 'hi', '-c', 'knn.safetensors', '--embedder', 'hashing')
  expect(other.stderr).toMatch(
    /^knn.safetensors: expected a checkpoint fitted on the embedder hashing \(32 dimensions\)/,
  )
})

test('--offline downloads nothing, and without it a hub that is not there is an upstream error', async () => {
  const model = ['--embedder', 'transformers:org/name']
  const offline = await run('train', 'sample', '-s', 'knn', ...model, '--offline')
  expect(offline).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('org/name, got none. Nothing may be downloaded: run once without --offline'),
  })
  expect(await run('train', 'sample', '-s', 'knn', ...model)).toMatchObject({ code: 3 })
  expect(await run('eval', 'sample', '--cv', '2', '-s', 'knn', ...model, '--offline')).toMatchObject({ code: 2 })
  expect(await run('route', 'hi', '-c', 'knn.safetensors', ...model, '--offline')).toMatchObject({ code: 2 })
  expect(await run('batch', requests, '-c', 'knn.safetensors', ...model, '--offline', '--workers', '2')).toMatchObject({
    code: 2,
    stdout: '',
  })
})
