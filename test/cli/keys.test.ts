import { chmodSync, readFileSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
/** As people write it. */
const MINE = `# mine
models:
  a: { base_url: http://localhost:1/v1,   input_price: 1 }   # cheap
  b:   {base_url: 'http://localhost:1/v1'}

serve: { port: 6061,  sticky: true }   # of this machine
pair: {strong: a,weak: b}
`
const WITHOUT_KEYS =
  'Without keys a server that only this machine reaches, or that was started with --insecure, lets everyone ask; any other refuses everyone.'
const keys = (file: string, ...args: string[]) => runCli(['keys', ...args, '--config', file])

test('added, listed and removed: the file is then what it was, byte for byte', async () => {
  const file = folder.write('all.yaml', MINE)
  chmodSync(file, 0o600)
  const added = await keys(file, 'add', 'alice', '--rate-limit', '60', '--daily-budget', '0.5')
  expect(added.code).toBe(0)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const { sha256, key } = JSON.parse((await keys(file, 'add', 'ci', '--json')).stdout)
  const text = readFileSync(file, 'utf8')
  expect(text.split(/(?<=\n)/).filter(line => !line.startsWith('serve'))).toEqual(
    MINE.split(/(?<=\n)/).filter(line => !line.startsWith('serve')),
  )
  const table = (await keys(file, 'list')).stdout
  expect(table).toMatch(
    /^name {3}fingerprint {3}requests a minute {2}a day\n.*\nalice {2}[0-9a-f]{12} {17}60 {3}\$0\.5\nci {5}[0-9a-f]{12} {18}– {6}–\n$/,
  )
  expect(table).not.toContain(key)
  expect(JSON.parse((await keys(file, 'list', '--json')).stdout)).toEqual({
    version: 1,
    file,
    keys: [
      { name: 'alice', fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/), rateLimit: 60, dailyBudget: 0.5 },
      { name: 'ci', fingerprint: sha256.slice(0, 12), rateLimit: null, dailyBudget: null },
    ],
  })
  expect(await keys(file, 'remove', 'alice', '--json')).toMatchObject({
    code: 0,
    stdout: `{"version":1,"name":"alice","file":${JSON.stringify(file)},"left":1}\n`,
    stderr: `keys: alice may no longer ask; the key is out of ${file}.\n`,
  })
  expect((await keys(file, 'list')).stdout).toContain('ci')
  const last = await keys(file, 'remove', 'ci')
  expect([last.code, last.stdout]).toEqual([0, ''])
  expect(last.stderr).toBe(`keys: the key of ci is out of ${file}, and was the last one. ${WITHOUT_KEYS}\n`)
  expect(readFileSync(file, 'utf8')).toBe(MINE)
  expect(await keys(file, 'list')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: `keys: ${file} has none. ${WITHOUT_KEYS}\n`,
  })
})

test('what cannot be done is said, and nothing is changed', async () => {
  const file = folder.write('refused.yaml', MINE)
  expect(await keys(file, 'remove', 'alcie')).toMatchObject({
    code: 2,
    stderr: `keys remove: expected the name of a key, got "alcie": ${file} has no keys.\n`,
  })
  await keys(file, 'add', 'alice')
  await keys(file, 'add', 'bob')
  const text = readFileSync(file, 'utf8')
  const refused: [string[], string][] = [
    [['remove', 'alcie'], 'Unknown key "alcie". Did you mean "alice"? Available: alice, bob.'],
    [['remove', 'constructor'], 'Unknown key "constructor". Available: alice, bob.'],
    [['remove'], 'keys remove: expected the name of a key, got none.'],
    [['remove', 'bob', '--rate-limit', '3'], 'keys remove: expected --rate-limit of add only. Leave it out.'],
    [['list', 'bob'], 'keys list: expected nothing else, got "bob".'],
    [['add'], 'keys add: expected a name of letters, digits and . _ @ -, got none.'],
    [
      ['add', 'bob'],
      `keys add: expected a new name, got bob, which has a key in ${file}. Take it out with llmroute keys remove bob.`,
    ],
    [['revoke', 'bob'], 'Unknown action "revoke".'],
  ]
  for (const [args, message] of refused) {
    const { code, stderr } = await keys(file, ...args)
    expect([code, stderr.slice(0, message.length)], args.join(' ')).toEqual([2, message])
  }
  expect(readFileSync(file, 'utf8')).toBe(text)
  const broken = folder.write('broken.yaml', 'serve: { keys: [\n')
  expect(await keys(broken, 'add', 'x')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('broken.yaml:2:1: '),
  })
  expect(readFileSync(broken, 'utf8')).toBe('serve: { keys: [\n')
})
