import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findConfig, readConfig } from '../../src/io/config.ts'
import { readConfigFile } from '../../src/io/config_file.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const FILE = join(folder.path, 'c.yaml')
/** Every problem of a text or of bytes, from the place on. */
const problems = async (content: string | Uint8Array) =>
  (await readConfigFile(folder.write('c.yaml', content))).problems.map(({ message }) => message.replace(FILE, ''))

test('all problems are told, in the order of the file', async () => {
  expect(
    await problems(`models:
  a: { providr: openai, toools: true, input_price: free }
  b: { provider: groq, vision: 3 }
pair: { strong: a, weak: c }
strategy: mff
threshold: 0.4
strong_pct: 0.5
policy: rulez
retry: { atempts: 3, first_wait: soon }
fallback: [a, d]
ab: { split: { a: 1 }, sedd: 1 }
round_robin: { x: 1 }
`),
  ).toEqual([
    expect.stringMatching(/^:2:8: models\.a: unknown key "providr"\. Did you mean "provider"\? Available: provider, /),
    expect.stringMatching(/^:2:25: models\.a: unknown key "toools"\. Did you mean "tools"\? Available: /),
    ':2:52: models.a.input_price: expected US dollars per million tokens, got "free".',
    ':3:32: models.b.vision: expected true or false, got 3.',
    ':4:26: pair.weak: Unknown model "c". Available: a, b.',
    expect.stringMatching(/^:5:11: strategy: expected one of random, .*, got "mff"\. Did you mean "mf"\?$/),
    ':7:13: strong_pct: expected threshold or strong_pct, got both. Leave one out.',
    expect.stringMatching(/^:8:9: policy: expected one of threshold, .*, got "rulez"\. Did you mean "rules"\?$/),
    ':9:10: retry: unknown key "atempts". Did you mean "attempts"? Available: attempts, first_wait, longest_wait.',
    ':9:34: retry.first_wait: expected a time such as 500ms, 30s, 5m, 1h or 1d, or milliseconds, got "soon".',
    ':10:15: fallback.1: Unknown model "d". Available: a, b.',
    expect.stringMatching(/^:11:24: ab: unknown key "sedd"\./),
    ':12:16: round_robin: unknown key "x". Available: none.',
  ])
})

test('the first problem is thrown, and the others are counted', async () => {
  folder.write('c.yaml', 'a: 1\nb: 2\nc: 3\n')
  await expect(readConfig(FILE)).rejects.toThrow(
    /^.*c\.yaml:1:1: unknown key "a"\..* And 2 more: llmroute config check lists them\.$/,
  )
})

test('times, sizes, paths and blocks of policies as the code takes them', async () => {
  const file = folder.write(
    'c.yaml',
    `models: { a: , b: }
policy: ab
ab: { split: { a: 0.9, b: 0.1 } }
threshold: auto
retry: { attempts: 2, first_wait: 0.5s, longest_wait: 1500 }
timeouts: { connect: 250ms, first_byte: 2m, idle: 0, total: 1h }
breaker: { failures: 3, share: 0.2, window: 1d, cool_down: 10 s, account_cool_down: 5m }
cache: { max_bytes: 1.5MB, max_disk_bytes: 2GB, folder: cache }
max_concurrency: 8
rate_limit: 0.5
fallback: [b]
log: { file: log/d.jsonl, prompts: text }
serve: { port: 8080, keys: [{ name: me, sha256: ${'a'.repeat(64)} }] }
`,
  )
  expect(await readConfig(file)).toEqual({
    file,
    models: [{ id: 'a' }, { id: 'b' }],
    policy: 'ab',
    policyOptions: { ab: { split: { a: 0.9, b: 0.1 } } },
    isThresholdAuto: true,
    retry: { attempts: 2, firstWait: 500, longestWait: 1500 },
    timeouts: { connect: 250, firstByte: 120_000, idle: 0, total: 3_600_000 },
    breaker: { failures: 3, share: 0.2, window: 86_400_000, coolDown: 10_000, accountCoolDown: 300_000 },
    cache: { maxBytes: 1_500_000, maxDiskBytes: 2e9, folder: join(folder.path, 'cache') },
    maxConcurrency: 8,
    rateLimit: 0.5,
    fallback: ['b'],
    log: { file: join(folder.path, 'log/d.jsonl'), prompts: 'text' },
    serve: { port: 8080, keys: [{ name: 'me', sha256: 'a'.repeat(64) }] },
  })
})

test('empty files, comments alone, a byte order mark and Windows line ends are fine', async () => {
  for (const text of ['', '\n', '# nothing\n', '---\n', '\ufeffstrategy: mf\r\nthreshold: 1\r\n']) {
    expect(await problems(text)).toEqual([])
  }
})

test('a folder is no configuration', async () => {
  await expect(readConfig(folder.path)).rejects.toThrow(
    `${folder.path}: expected a file that can be read, got a directory.`,
  )
  expect(() => findConfig(join(folder.path, 'none.yaml'))).toThrow(
    `--config: expected a file, got none at ${folder.path}/none.yaml.`,
  )
})

const bomb = `a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]\n`).join('')}`

test.each<[string, string | Uint8Array, RegExp]>([
  ['a key twice', 'strategy: mf\nstrategy: knn\n', /^:2:1: expected YAML, got a key twice\. Leave one out\.$/],
  ['a model twice', 'models:\n  a:\n  a:\n', /^:3:3: expected YAML, got a key twice/],
  ['a tab', 'models:\n\ta:\n', /^:2:1: expected YAML, got a tab as indentation\. Use spaces\.$/],
  [
    'two documents',
    'strategy: mf\n---\nstrategy: mf\n',
    /^:2:1: expected YAML, got several documents \(---\)\. Leave one\.$/,
  ],
  ['a bracket left open', 'models: [\n', /^:2:1: expected YAML, got a \[ or \{ that is not closed\. Close it\.$/],
  [
    'items out of line',
    'a:\n  - b\n c: d\n',
    /^:3:2: expected YAML, got something else: All mapping items must start at the same column\.$/,
  ],
  ['a tag', 'strategy: !ENV X\n', /^:1:11: expected YAML, got something else: Unresolved tag: !ENV\.$/],
  ['an alias of nothing', 'strategy: *x\n', /^:1:11: expected YAML, got something else: Unresolved alias /],
  ['a bomb of aliases', bomb, /^:1:1: expected YAML, got something else: Excessive alias count/],
  ['an alias of itself', 'models: &m { a: *m }\n', /^:1:/],
  [
    'deep lists',
    `models: ${'['.repeat(50_000)}`,
    /^:1:\d+: expected YAML, got lists or maps nested too deeply \(200 levels\)\.$/,
  ],
  ['deep maps', 'a: { '.repeat(10_000), /^:1:\d+: expected YAML, got lists or maps nested too deeply/],
  ['deep items', '- '.repeat(10_000), /^:1:\d+: expected YAML, got lists or maps nested too deeply/],
  ['a NUL', 'strategy: m\0f\n', /^:1:12: expected text, got a control character \(code 0\)\. Take it out\.$/],
  ['UTF-16', new Uint8Array([0xff, 0xfe, 0x61, 0x00]), /^:1:1: expected UTF-8, got UTF-16\. Save it as UTF-8\.$/],
  [
    'Latin-1',
    new Uint8Array([0x61, 0x0a, 0x23, 0xe9, 0x0a]),
    /^:2:2: expected UTF-8, got bytes that are none\. Save it as UTF-8\.$/,
  ],
  ['10 MB', `# ${'x'.repeat(10 * 1024 * 1024)}`, /^: expected a configuration of at most 4 MiB, got 10\.0 MiB\.$/],
  ['text', 'hello\n', /^:1:1: expected keys and values, got string\.$/],
])('%s is refused', async (_, content, message) => {
  const [first, ...others] = await problems(content)
  expect(first).toMatch(message)
  if (!first!.includes('keys and values')) expect(others.length).toBeLessThan(20)
})

test.each(['__proto__', 'constructor', 'prototype'])(
  '%s pollutes nothing and is refused wherever it stands',
  async key => {
    const inherited = `expected another name than "${key}".`
    expect(await problems(`${key}: { polluted: true }\n`)).toEqual([`:1:1: ${inherited}`])
    expect(await problems(`models: { ${key}: { tools: true } }\n`)).toEqual([`:1:11: ${inherited}`])
    expect(await problems(`models: { a: { profile: { ${key}: 1 } } }\n`)).toEqual([`:1:27: ${inherited}`])
    expect(await problems(`serve: { ${key}: { polluted: true } }\n`)).toEqual([`:1:10: ${inherited}`])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  },
)

const KEYS = [
  'sk-proj-Ab3dEf6hIjK9',
  'sk-ant-api03-aaaabbbbccccdddd',
  'gsk_9f8e7d6c5b4a39281706',
  'AIzaSyA1234567890abcdefghij',
  'hf_abcdefgh1jklmnopqrst',
  'xai-0123456789abcdef0123',
]

test.each(KEYS)('a key pasted anywhere is refused and never shown: %s', async key => {
  const texts = [
    `models: { a: { provider: openai, api_key_env: ${key} } }\n`,
    `models: { a: { provider: openai, api_key: ${key} } }\n`,
    `models: { a: { base_url: "https://${key}@example.org/v1" } }\n`,
    `models: { a: { base_url: "https://example.org/v1?key=${key}" } }\n`,
    `models: { a: { base_url: "${key}" } }\n`,
    `models: { a: { provider: openai, headers: { authorization: "Bearer ${key}" } } }\n`,
    `models: { ${key}: }\n`,
    `${key}: 1\n`,
    `strategy: ${key}\n`,
    `# ${key}\n`,
    `pair: [${key}, b]\n`,
    `models: *${key}\n`,
    `models: !${key} x\n`,
    `models: ${'x'.repeat(70)}${key} "\n`,
    `models: { a: { context_window: ["${'y'.repeat(45)} ${key}"] } }\n`,
  ]
  for (const text of texts) {
    const found = await problems(text)
    expect(found.length, text).toBeGreaterThan(0)
    for (let i = 0; i + 8 <= key.length; i++) expect(found.join('\n'), text).not.toContain(key.slice(i, i + 8))
  }
  expect(await problems(`models: { a: { provider: openai, api_key_env: ${key} } }\n`)).toEqual([
    ':1:47: expected no key in the file, got what looks like one (not shown). Put it into an environment variable and give the name of that (api_key_env: OPENAI_API_KEY); if others can read the file, have the key replaced.',
  ])
})

test('words are no keys', async () => {
  const tags = 'task-1234567, risk-assessment-2025, sk-SK, sk-..., disk_1234567890ab, x-api-key, OPENAI_API_KEY'
  expect(await problems(`models: { a: { tags: [${tags}] } }\n`)).toEqual([])
})

test('what stands under the name of a secret is not shown, whatever it looks like', async () => {
  expect(await problems('serve: { keys: [{ name: me, sha256: hunter2 }] }\n')).toEqual([
    ':1:37: serve.keys.0.sha256: expected 64 hexadecimal digits; llmroute keys add makes them, got something else (not shown).',
  ])
  expect(await problems('models: { a: { api_key_env: [hunter2] } }\n')).toEqual([
    ':1:29: models.a.api_key_env: expected text, got something else (not shown).',
  ])
  expect(await problems('models: { a: { provider: openai, key_header: bearer, max_output_tokens: 1.5 } }\n')).toEqual([
    ':1:46: models.a.key_header: expected one of authorization, api-key, x-api-key, got "bearer".',
    ':1:73: models.a.max_output_tokens: expected a whole number from 1 up, got 1.5.',
  ])
})

test.each(['0123456789abcdef0123456789abcdef', 'abcdef0123456789abcdef0123456789', '$OPENAI_API_KEY', 'MY KEY'])(
  'api_key_env: %s names no variable, and is not shown',
  async value => {
    expect(await problems(`models: { a: { provider: openai, api_key_env: "${value}" } }\n`)).toEqual([
      ':1:47: models.a.api_key_env: expected the name of an environment variable such as OPENAI_API_KEY, got something else (not shown). Keys never stand in the file.',
    ])
  },
)

test('whatever the bytes, there are problems with a place or a configuration, and no other error', async () => {
  const pieces = fc.constantFrom(
    'models',
    ':',
    ' ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '- ',
    '&a',
    '*a',
    '<<',
    '!x',
    '|',
    '>',
    '#',
    '?',
    'a',
    '1',
    'pair',
    'rules',
    'ab',
    '~',
    '\t',
    '%',
    '@',
    '.inf',
    'retry',
    'é',
    '\u2028',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 40 }), async parts => {
      const { problems: found } = await readConfigFile(folder.write('c.yaml', parts.join('')))
      for (const { line, column } of found) expect(line! >= 1 && column! >= 1).toBe(true)
    }),
    { numRuns: 200 },
  )
})

test('a time to drain that no timer can hold is told', async () => {
  expect(await problems('serve: { drain: 86400 }\n')).toEqual([])
  expect(await problems('serve: { drain: 3000000 }\n')).toEqual([':1:17: serve.drain: expected <=86400, got 3000000.'])
})

test('a shadow policy that there is not, and two keys of one name, are told with their places', async () => {
  const sha256 = 'a'.repeat(64)
  expect(await problems('serve: { shadow: rulez }\n')).toEqual([
    expect.stringMatching(
      /^:1:18: serve\.shadow: expected one of threshold, .*, got "rulez"\. Did you mean "rules"\?$/,
    ),
  ])
  expect(
    await problems(`serve:
  keys:
    - { name: alice, sha256: ${sha256} }
    - { name: bob, sha256: ${sha256} }
    - { name: alice, sha256: ${sha256} }
`),
  ).toEqual([':5:15: serve.keys.2.name: expected a name of its own, got alice twice.'])
})
