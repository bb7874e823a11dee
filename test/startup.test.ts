import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** Source and package files that a run of the built binary loads, by the marks that the bundler leaves. */
function loadedBy(args: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'llmroute-coverage-'))
  execFileSync(process.execPath, ['bin/llmroute.js', ...args], { env: { ...process.env, NODE_V8_COVERAGE: folder } })
  const { result } = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8'))
  const urls: string[] = result.map(({ url }: { url: string }) => url)
  const scripts = urls.filter(url => url.includes('/dist/')).map(url => fileURLToPath(url))
  return scripts.flatMap(path =>
    [...readFileSync(path, 'utf8').matchAll(/^\/\/ ((?:src|node_modules)\/\S+)$/gm)].map(match => match[1]!),
  )
}

test('--help loads no strategy, no csv, no ink', () => {
  const loaded = loadedBy(['--help'])
  expect(loaded).toContain('src/cli/main.ts')
  expect(loaded.filter(path => /src\/(strategies|embedders|policies|io|evaluation)\//.test(path))).toEqual([])
  expect(packagesOf(loaded)).toEqual(['commander'])
})

test('route loads its strategy and nothing of the others', () => {
  const loaded = loadedBy(['route', 'hi'])
  const strategies = loaded.filter(path =>
    /src\/strategies\/(random|length|linear|mf|sw_ranking|knn|forest)\.ts/.test(path),
  )
  expect(strategies).toEqual(['src/strategies/linear.ts'])
  expect(packagesOf(loaded)).toEqual(['commander'])
})

test('eval loads ink only for a terminal', () => {
  expect(
    packagesOf(loadedBy(['eval', 'sample', '--resamples', '2', '--strategies', 'linear', '--json'])),
  ).not.toContain('ink')
})

function packagesOf(loaded: readonly string[]): string[] {
  const names = loaded.flatMap(path => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
  return [...new Set(names)].sort()
}
