import { expect, test } from 'vitest'
import { readConfig } from '../../src/io/config.ts'
import { starterConfig } from '../../src/io/config_starter.ts'
import { presets } from '../../src/io/presets.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const read = (text: string) => readConfig(folder.write('c.yaml', text))
const model = async (settings: string) => (await read(`models: { m: ${settings} }\n`)).models![0]!
const refusal = async (settings: string) => {
  const error = await model(settings).then(
    () => undefined,
    (error: Error) => error,
  )
  return error?.message.replace(folder.path, '').replace(/^\/c\.yaml/, '')
}

test('a model with everything that it can have', async () => {
  const config = await read(`models:
  big:
    base_url: https://example.org/v1/
    name: vendor/big
    api_key_env: BIG_KEY
    key_header: x-api-key
    api: anthropic
    headers: { x-team: red }
    query: { region: eu }
    input_price: 2.5
    output_price: 10
    cached_input_price: 0
    context_window: 128000
    max_output_tokens: 4096
    output_tokens: 311.5
    tools: true
    json_schema: false
    modalities: [text, image]
    tags: [region:eu]
    capacity: 4
    profile: { accuracy: 1, speed: 0.25 }
`)
  expect(config.models).toEqual([
    {
      id: 'big',
      inputPrice: 2.5,
      outputPrice: 10,
      cachedInputPrice: 0,
      contextWindow: 128_000,
      maxOutputTokens: 4096,
      outputTokens: 311.5,
      tools: true,
      vision: true,
      audio: false,
      video: false,
      files: false,
      jsonSchema: false,
      tags: ['region:eu'],
      weight: 4,
      profile: { accuracy: 1, speed: 0.25 },
      endpoint: {
        baseUrl: 'https://example.org/v1',
        name: 'vendor/big',
        keyVariable: 'BIG_KEY',
        api: 'anthropic',
        keyHeader: 'x-api-key',
        headers: { 'x-team': 'red' },
        query: { region: 'eu' },
      },
    },
  ])
})

test('a preset gives address and key variable, never a price; what is given wins', async () => {
  expect(await model('{ provider: groq }')).toEqual({
    id: 'm',
    endpoint: { baseUrl: 'https://api.groq.com/openai/v1', keyVariable: 'GROQ_API_KEY' },
  })
  expect(await model('{ provider: groq, base_url: http://localhost:1/v1, api_key_env: MINE }')).toEqual({
    id: 'm',
    endpoint: { baseUrl: 'http://localhost:1/v1', keyVariable: 'MINE' },
  })
  expect((await model('{ provider: ollama }')).endpoint).toEqual({ baseUrl: 'http://localhost:11434/v1' })
})

test('Azure OpenAI: resource, deployment and api-version make the address', async () => {
  expect(
    (await model('{ provider: azure, resource: acme, deployment: my gpt, api_version: 2025-01-01 }')).endpoint,
  ).toEqual({
    baseUrl: 'https://acme.openai.azure.com/openai/deployments/my%20gpt',
    name: 'my gpt',
    keyVariable: 'AZURE_OPENAI_API_KEY',
    keyHeader: 'api-key',
    query: { 'api-version': '2025-01-01' },
  })
  expect((await model('{ provider: azure, resource: acme }')).endpoint).toMatchObject({
    baseUrl: 'https://acme.openai.azure.com/openai/deployments/m',
    query: { 'api-version': '2024-10-21' },
  })
  expect((await model('{ provider: azure, base_url: https://acme.openai.azure.com/openai/v1 }')).endpoint).toEqual({
    baseUrl: 'https://acme.openai.azure.com/openai/v1',
    keyVariable: 'AZURE_OPENAI_API_KEY',
    keyHeader: 'api-key',
  })
})

test('merge keys share settings among models', async () => {
  const { models } = await read('models:\n  a: &a { provider: openai, tools: true }\n  b: { <<: *a, tools: false }\n')
  expect(models).toMatchObject([
    { id: 'a', tools: true },
    { id: 'b', tools: false, endpoint: models![0]!.endpoint },
  ])
})

test.each([
  [
    '{ base_url: example.org/v1 }',
    ':1:26: models.m.base_url: expected an address that begins with https:// or http://, got "example.org/v1".',
  ],
  [
    '{ base_url: "ftp://example.org" }',
    ':1:26: models.m.base_url: expected an address that begins with https:// or http://, got "ftp://example.org".',
  ],
  [
    '{ base_url: "https://me:pass@example.org" }',
    ':1:26: models.m.base_url: expected an address without user and password, got one with (not shown). Use api_key_env.',
  ],
  [
    '{ base_url: "https://example.org/v1?key=abc" }',
    ':1:26: models.m.base_url: expected an address that ends before "?" and "#", got more (not shown). Use query.',
  ],
  [
    '{ base_url: https://example.org/v1/chat/completions }',
    ':1:26: models.m.base_url: expected an address without /chat/completions, got one with. Leave that out.',
  ],
  ['{ name: x }', ':1:22: models.m.name: expected base_url or provider beside it, got neither.'],
  [
    '{ provider: azure }',
    ':1:26: models.m.provider: expected resource beside azure (RESOURCE of https://RESOURCE.openai.azure.com), got none.',
  ],
  ['{ provider: openai, resource: x }', ':1:44: models.m.resource: expected provider: azure beside it, got openai.'],
  ['{ weight: 1, capacity: 1 }', ':1:37: models.m.capacity: expected weight or capacity, got both. Leave one out.'],
  [
    '{ vision: true, modalities: [text] }',
    ':1:24: models.m.vision: expected what modalities says of images, got true. Leave one out.',
  ],
  ['{ weight: 0 }', ':1:24: models.m.weight: expected a number above 0, got 0.'],
  ['{ input_price: -1 }', ':1:29: models.m.input_price: expected US dollars per million tokens, got -1.'],
  ['{ input_price: .inf }', ':1:29: models.m.input_price: expected US dollars per million tokens, got Infinity.'],
  ['{ input_price: }', ':1:29: models.m.input_price: expected US dollars per million tokens, got nothing.'],
  ['{ context_window: 1.5 }', ':1:32: models.m.context_window: expected a whole number from 1 up, got 1.5.'],
  ['{ profile: { speed: 2 } }', ':1:34: models.m.profile.speed: expected a share from 0 to 1, got 2.'],
  ['{ tools: yes }', ':1:23: models.m.tools: expected true or false, got "yes".'],
  [
    '{ provider: grok }',
    `:1:26: models.m.provider: expected one of ${Object.keys(presets).join(', ')}, got "grok". Did you mean "groq"?`,
  ],
  ['[1]', ':1:14: models.m: expected keys and values, got [1].'],
  [
    '{ provider: openai, headers: { Authorization: x } }',
    ':1:45: models.m.headers.Authorization: expected another header, got one that is set by itself. Name the variable of a key in api_key_env.',
  ],
  [
    '{ provider: openai, headers: { x-a: "a\\r\\nb" } }',
    ':1:50: models.m.headers.x-a: expected one line of Latin letters, got others.',
  ],
  [
    '{ provider: openai, query: { key: x } }',
    ':1:48: models.m.query.key: expected no key in the file, got one (not shown). Use api_key_env.',
  ],
])('%s is refused', async (settings, message) => {
  expect(await refusal(settings)).toBe(message)
})

test.each(['auto', 'router-mf-0.5'])('%s is the name of a router of serve, and of no model', async id => {
  await expect(read(`models: { ${id}: }\n`)).rejects.toThrow(
    `c.yaml:1:11: models.${id}: expected another id than "${id}": serve gives that name to its own routers.`,
  )
})

test.each(Object.keys(presets))('what init writes for %s is good, its commented settings too', async provider => {
  const text = starterConfig([provider], './llmroute.schema.json')
  const pair = (await read(text)).pair!
  expect(pair.strong).not.toBe(pair.weak)
  const uncommented = text
    .split('\n')
    .filter(line => !line.includes('DOLLARS'))
    .map(line => line.replace(/^( *)# (?=[a-z_]+: )(?!yaml-language)/, '$1'))
    .join('\n')
  const config = await read(uncommented.replace('strong_pct: 0.5', ''))
  expect(config).toMatchObject({
    retry: { attempts: 4 },
    cache: { ttl: 86_400_000, maxBytes: 64_000_000 },
    rateLimit: 50,
  })
  expect(config.models![0]).toMatchObject({ contextWindow: 128_000, vision: true, tools: true })
})
