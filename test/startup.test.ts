import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'

/** Files of dist that a run loads, and the modules in them that it runs on demand (the bundler names each after its file). */
function loadedBy(args: readonly string[]): { files: string[]; modules: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'llmroute-coverage-'))
  execFileSync(process.execPath, ['bin/llmroute.js', ...args], { env: { ...process.env, NODE_V8_COVERAGE: folder } })
  const { result } = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as Coverage
  const scripts = result.filter(({ url }) => url.includes('/dist/'))
  const ran = scripts.flatMap(({ functions }) => functions.filter(({ ranges }) => ranges[0]!.count > 0))
  return {
    files: scripts.map(({ url }) => basename(url)),
    modules: ran.map(({ functionName }) => functionName).filter(name => /^(src|node_modules)\//.test(name)),
  }
}

interface Coverage {
  result: { url: string; functions: { functionName: string; ranges: { count: number }[] }[] }[]
}

/** Source files and packages that come with a file, whether they are asked for or not. */
function staticImportsOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  const text = readFileSync(file, 'utf8').replace(/^import type .*$/gm, '')
  for (const [, name] of text.matchAll(/^(?:import|export|\}) .*?from '([^']+)'/gm)) {
    if (name!.startsWith('.')) staticImportsOf(join(dirname(file), name!), seen)
    else if (!name!.startsWith('node:')) seen.add(name!)
  }
  return seen
}

test('--help loads no strategy, no csv, no ink', () => {
  expect(loadedBy(['--help']).files).toEqual(['main.js'])
  const loaded = [...staticImportsOf('src/cli/main.ts')]
  expect(loaded.filter(path => /^src\/(?!cli\/|registry|errors|io\/file_errors)/.test(path))).toEqual([])
  expect(loaded.filter(path => !path.startsWith('src/'))).toEqual(['commander'])
})

test('route loads the strategy it uses and none of the others, and no package but commander', () => {
  const { files, modules } = loadedBy(['route', 'hi'])
  expect(files).toEqual(['main.js', 'route.js'])
  const entries = readdirSync('src/strategies').map(name => `src/strategies/${name}`)
  const strategies = ['random', 'length', 'blend', 'linear', 'mf', 'sw_ranking', 'knn', 'forest']
  const loaded = modules.filter(path => entries.includes(path) && strategies.includes(basename(path, '.ts')))
  expect(loaded).toEqual(['src/strategies/blend.ts'])
  expect(modules.filter(path => path.startsWith('node_modules/') && !path.includes('/commander/'))).toEqual([])
})

test('a configuration loads what reads it, and of the policies the one that it chooses', () => {
  const folder = mkdtempSync(join(tmpdir(), 'llmroute-config-'))
  const file = join(folder, 'llmroute.yaml')
  const models = 'models: { a: { provider: openai }, b: { provider: groq } }\n'
  writeFileSync(file, `${models}pair: { strong: a, weak: b }\n`)
  const reading = ['main.js', 'route.js', 'config_file.js', 'schema.js', 'yaml.js']
  expect(loadedBy(['route', 'hi', '--config', file]).files.sort()).toEqual(reading.sort())
  writeFileSync(file, `${models}policy: ab\nab: { split: { a: 1, b: 1 } }\n`)
  expect(loadedBy(['route', 'hi', '--config', file]).files.sort()).toEqual([...reading, 'ab.js'].sort())
})

test('eval loads ink only for a terminal', () => {
  const { files } = loadedBy(['eval', 'sample', '--resamples', '2', '--strategies', 'linear', '--json'])
  expect(files).toEqual(['main.js', 'eval.js'])
})
