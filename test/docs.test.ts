import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { commands } from '../src/cli/commands/registry.ts'
import { embedders } from '../src/embedders/registry.ts'
import { policies } from '../src/policies/registry.ts'
import { strategies } from '../src/strategies/registry.ts'
import { followPage } from './helpers/page.ts'
import { runCli } from './helpers/run_cli.ts'
import { blockTables, keyTables, presetTable, withPassage } from './helpers/schema_tables.ts'
import { startSumModels } from './helpers/sum_models.ts'

const readme = readFileSync('README.md', 'utf8')
const pages = ['README.md', ...readdirSync('docs').map(name => `docs/${name}`)]

test.each(Object.keys(commands))('the README has a section for %s, and names every flag of it', async id => {
  const section = new RegExp(`\n### \`llmroute ${id}\`\n([\\s\\S]*?)(?=\n##|$)`).exec(readme)?.[1]
  expect(section).toBeDefined()
  const { stdout } = await runCli([id, '--help'])
  const shared = readme.match(/\n### Flags that (?:decide|call)\n[\s\S]*?(?=\n##|$)/g)!.join('')
  for (const [flag] of stdout.matchAll(/(?<=^ {2}(?:-\w, )?)--[a-z-]+/gm)) {
    if (flag !== '--help' && flag !== '--json') expect(section + shared, `${id} ${flag}`).toContain(`\`${flag}`)
  }
})

test('no page names a flag that does not exist', async () => {
  const helps = await Promise.all(Object.keys(commands).map(async id => (await runCli([id, '--help'])).stdout))
  const known = new Set(helps.flatMap(help => help.match(/--[a-z][a-z-]+/g)!))
  for (const file of pages) {
    for (const [flag] of readFileSync(file, 'utf8').matchAll(/(?<=`(?:-\w, )?)--[a-z][a-z-]+/g))
      expect([...known, '--version'], `${file}: ${flag}`).toContain(flag)
  }
})

test.each([
  ['strategy', strategies],
  ['embedder', embedders],
  ['policy', policies],
] as const)('the README names every %s', (_, registry) => {
  for (const id of Object.keys(registry)) expect(readme).toContain(`\`${id}\``)
})

test('the README has one test command, which continuous integration reads', () => {
  expect(readme.match(/<!-- tests -->\n```sh\n(.*)\n```/)?.[1]).toBe('npm ci && npm test')
})

test.each(pages)(
  '%s shows what its commands print (UPDATE_README=1 writes it)',
  async file => {
    const page = readFileSync(file, 'utf8')
    const folder = mkdtempSync(join(tmpdir(), 'llmroute-docs-'))
    const models = await startSumModels()
    try {
      const shown = await followPage(written(page), folder, { 'localhost:11434': new URL(models.url).host })
      if (process.env.UPDATE_README) writeFileSync(file, shown)
      else expect(page).toBe(shown)
    } finally {
      await models.close()
      rmSync(folder, { recursive: true, force: true })
    }
  },
  300_000,
)

test('links between pages lead somewhere', () => {
  for (const file of pages) {
    for (const [, path, anchor] of readFileSync(file, 'utf8').matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const target = path === '' ? file : join(dirname(file), path!)
      expect(existsSync(target), `${file}: ${target}`).toBe(true)
      if (anchor) expect(anchorsOf(readFileSync(target, 'utf8')), `${file}: ${target}#${anchor}`).toContain(anchor)
    }
  }
})

/** The passages of a page that are made from the code. */
function written(page: string): string {
  const schema = JSON.parse(readFileSync('llmroute.schema.json', 'utf8'))
  const ids = Object.keys(policies)
  return [
    ['presets', presetTable()],
    ['keys', keyTables(schema, ids)],
    ['options', blockTables(schema, ids)],
  ].reduce((text, [name, passage]) => withPassage(text, name!, passage!), page)
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
