import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from './helpers/temporary_folder.ts'

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const TINY_ENCODER = resolve('test/fixtures/tiny_encoder')
const folder = temporaryFolder()
const cwd = folder.path
const run = (command: string, args: readonly string[]) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
let packed: { filename: string; size: number; files: { path: string }[] }

beforeAll(() => {
  // Without scripts: `prepare` would build dist anew under the feet of the other tests.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', cwd]
  ;[packed] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  folder.write('package.json', '{ "name": "elsewhere", "type": "module", "private": true }')
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(cwd, packed.filename)])
})

test('the manifest: ESM, Node 20, one public entry, nothing to install beside it', () => {
  expect(manifest).toMatchObject({ name: 'llmroute', type: 'module', license: 'Apache-2.0', engines: { node: '>=20' } })
  expect(Object.keys(manifest.exports)).toEqual(['.', './package.json'])
  expect(manifest.dependencies).toBeUndefined()
  for (const version of Object.values(manifest.devDependencies)) {
    expect(version).toMatch(/^(npm:@huggingface\/transformers@)?\d+\.\d+\.\d+$/)
  }
})

test('what runs neural models is an optional peer of users, and really present in the checkout', () => {
  const versions = { '@xenova/transformers': 'npm:@huggingface/transformers@4.3.1', 'onnxruntime-node': '1.30.0' }
  expect(manifest.peerDependencies).toEqual(versions)
  expect(manifest.devDependencies).toMatchObject(versions)
  for (const name of Object.keys(versions)) expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true })
  const installed = (name: string) => JSON.parse(readFileSync(join('node_modules', name, 'package.json'), 'utf8'))
  expect(installed('onnxruntime-node')).toMatchObject({ name: 'onnxruntime-node', version: '1.30.0' })
  expect(installed('@xenova/transformers')).toMatchObject({ name: '@huggingface/transformers', version: '4.3.1' })
  expect(existsSync('node_modules/@xenova/transformers/node_modules/onnxruntime-node')).toBe(false)
})

test('no installer of theirs runs: they would download what nothing here uses, from places that are not npm', () => {
  expect(manifest.allowScripts).toEqual({ esbuild: true, 'onnxruntime-node': false, protobufjs: false, sharp: false })
  expect(readFileSync('.npmrc', 'utf8')).toBe('onnxruntime-node-install=skip\n')
})

test('the binary is two lines', () => {
  expect(readFileSync('bin/llmroute.js', 'utf8').trimEnd().split('\n')).toHaveLength(2)
})

test('the tarball holds what runs and what documents it, and no more', () => {
  const paths = packed.files.map(({ path }) => path)
  const texts = ['LICENSE', 'NOTICE', 'CHANGELOG.md', 'README.md', 'docs/serve.md', 'llmroute.schema.json']
  for (const path of [...texts, 'dist/THIRD_PARTY_LICENSES', 'dist/main.js']) expect(paths).toContain(path)
  expect(paths.filter(path => /^(src|test|node_modules|perf)\//.test(path))).toEqual([])
  expect(packed.size).toBeLessThan(45 * 1024 * 1024)
})

test('installed it is 80 MB at most, with nothing beside it', () => {
  expect(readdirSync(join(cwd, 'node_modules')).filter(name => !name.startsWith('.'))).toEqual(['llmroute'])
  const files = readdirSync(join(cwd, 'node_modules'), { recursive: true, withFileTypes: true })
  const sizes = files.filter(file => file.isFile()).map(file => statSync(join(file.parentPath, file.name)).size)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(80 * 1024 * 1024)
})

test('without what runs neural models it says how to add it', () => {
  const train = [
    'node_modules/llmroute/bin/llmroute.js',
    'train',
    'sample',
    '--strategy',
    'knn',
    '--embedder',
    `transformers:${TINY_ENCODER}`,
  ]
  const { status, stderr } = spawnSync('node', train, { cwd, encoding: 'utf8' })
  expect(status).toBe(2)
  expect(stderr).toBe(
    `@xenova/transformers: expected the package, got none; it runs neural models and is left out of the installation. Add it where llmroute is installed:
ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0 @xenova/transformers@npm:@huggingface/transformers@4.3.1
`,
  )
})

test('the shipped classifier asks for ONNX Runtime alone', () => {
  const route = ['node_modules/llmroute/bin/llmroute.js', 'route', 'hi', '--strategy', 'bert']
  const { status, stderr } = spawnSync('node', route, { cwd, encoding: 'utf8' })
  expect(status).toBe(2)
  expect(stderr).toBe(
    `onnxruntime-node: expected the package, got none; it runs neural models and is left out of the installation. Add it where llmroute is installed:
ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0
`,
  )
})

test('installed elsewhere it decides, offline and without a key', () => {
  expect(run('npx', ['--no-install', 'llmroute', 'route', 'What is 2 + 2?'])).toMatch(/^(gpt-4|mixtral)\S*\n$/)
  expect(run('npx', ['--no-install', 'llmroute', 'eval', 'sample', '--csv'])).toMatch(/^id,/)
})

test('npx llmroute works in the checkout, and does not build it anew while others run it', () => {
  const built = statSync('dist/main.js').mtimeMs
  expect(execFileSync('npx', ['--no-install', 'llmroute', '--version'], { encoding: 'utf8' })).toBe(
    `${manifest.version}\n`,
  )
  expect(statSync('dist/main.js').mtimeMs).toBe(built)
})

test('the library is importable, with types', () => {
  folder.write(
    'use.ts',
    `import { createRouter, type Decision, UsageError } from 'llmroute'
const router = await createRouter({ strongPct: 0.3, strong: 'big', weak: 'small' })
const decisions: Decision[] = await router.decide(['hi', 'Prove it.'])
const winRate: number | undefined = decisions[0]?.winRate
try {
  await createRouter({ strategy: 'constructor' })
} catch (error) {
  if (!(error instanceof UsageError)) throw error
}
// @ts-expect-error a threshold is a number
void createRouter({ threshold: 'high' })
console.log(decisions.length, decisions[0]?.model, typeof winRate, router.pair?.strong.id)
`,
  )
  folder.write(
    'tsconfig.json',
    '{ "compilerOptions": { "strict": true, "module": "nodenext", "target": "es2022", "types": [], "lib": ["es2022", "dom"], "exactOptionalPropertyTypes": true, "outDir": "out" }, "include": ["use.ts"] }',
  )
  run(resolve('node_modules/.bin/tsc'), ['--project', 'tsconfig.json'])
  expect(run('node', [join('out', 'use.js')])).toMatch(/^2 small number big\n$/)
})

test('licences of bundled packages travel with the bundle', () => {
  const text = readFileSync('dist/THIRD_PARTY_LICENSES', 'utf8')
  for (const name of ['commander', 'chalk', 'csv-parse', 'cli-progress', 'ink', 'react', 'yaml']) {
    expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'))
  }
})

test('checkpoints: a line each in the README, with the right sha256 of the file', () => {
  const readme = readFileSync('checkpoints/README.md', 'utf8')
  const files = readdirSync('checkpoints').filter(name => name.endsWith('.safetensors'))
  expect(files.length).toBeGreaterThanOrEqual(3)
  for (const name of files) {
    const sha256 = execFileSync('sha256sum', [join('checkpoints', name)], { encoding: 'utf8' }).slice(0, 64)
    expect(readme, name).toContain(`\`${name}\``)
    expect(readme, name).toContain(sha256)
    expect(statSync(join('checkpoints', name)).size).toBeLessThan(8 * 1024 * 1024)
  }
  expect(existsSync('checkpoints/recipes/make.sh')).toBe(true)
})
