import { type Preset, presets } from './presets.ts'

/**
 * A commented llmroute.yaml to start from: two models of each provider, the first and the last of them as the pair.
 * @param providers ids of `presets`, at least one.
 * @param schema path of the JSON Schema, for editors.
 */
export function starterConfig(providers: readonly string[], schema: string): string {
  const models = providers.flatMap((provider, i) => modelsOf(provider, providers.slice(0, i)))
  const [strong, weak] = [models[0]!.id, models.at(-1)!.id]
  return `# yaml-language-server: $schema=${schema}
# What llmroute picks from, and how. Every key but models may be left out. After a change: llmroute config check
# Keys of providers never stand here: api_key_env names the environment variable that holds one.

models:
${models.map(({ text }) => text).join('\n')}
# The two sides that a strategy decides between.
pair: { strong: ${strong}, weak: ${weak} }

# The share of requests that may go to strong. A threshold for your own prompts: llmroute calibrate --save
strong_pct: 0.5

# What scores prompts (llmroute list strategies), and weights trained on your own outcomes (llmroute train).
# strategy: blend
# checkpoint: mine.safetensors

# What picks a model (llmroute list policies). The options of a policy stand in a block under its id.
# policy: threshold

# Calls: what is tried where a model fails, how often, how long, and when a model is left alone.
# fallback: [${strong}, ${weak}]
# retry: { attempts: 4, first_wait: 500ms, longest_wait: 30s }
# timeouts: { connect: 10s, first_byte: 2m, idle: 1m, total: 10m }
# breaker: { failures: 5, share: 0.5, window: 1m, minimum: 20, cool_down: 30s }
# max_concurrency: 64
# rate_limit: 50

# Answers that are kept, and a log of decisions (prompts as hashes, unless it says text).
# cache: { ttl: 1d, max_bytes: 64MB }
# log: { file: decisions.jsonl, prompts: hash }
`
}

function modelsOf(provider: string, before: readonly string[]): { readonly id: string; readonly text: string }[] {
  const preset = presets[provider]!
  const taken = before.flatMap(other => presets[other]!.models.map(idOf))
  return preset.models.map((name, i) => {
    const id = taken.includes(idOf(name)) ? `${provider}-${idOf(name)}` : idOf(name)
    return { id, text: modelText(id, name, provider, preset, i) }
  })
}

/** The last part of a name: `llama-3.1-8b` of `meta-llama/llama-3.1-8b`. */
function idOf(name: string): string {
  return name.split('/').at(-1)!
}

function modelText(id: string, name: string, provider: string, preset: Preset, index: number): string {
  const lines = [
    `  ${id}:`,
    `    provider: ${provider}${index === 0 ? ` # ${preset.title}: ${preset.baseUrl}${preset.keyVariable ? `, key in ${preset.keyVariable}` : ', no key'}` : ''}`,
    ...(provider === 'azure' ? [`    resource: my-resource # yours`, `    deployment: ${name}`] : []),
    ...(provider !== 'azure' && name !== id ? [`    name: ${name}`] : []),
    ...(index === 1 && preset.secondBaseUrl ? [`    base_url: ${preset.secondBaseUrl}`] : []),
    '    # input_price: DOLLARS # per million tokens, from the price list of the provider; absent means unknown',
    '    # output_price: DOLLARS',
  ]
  const first = [
    '    # cached_input_price: DOLLARS',
    '    # output_tokens: 300 # mean length of an answer, for predicted costs',
    '    # context_window: 128000 # tokens of prompt and answer together',
    '    # max_output_tokens: 16384',
    '    # tools: true',
    '    # json_schema: true',
    '    # modalities: [text, image]',
    '    # tags: [region:eu]',
    '    # weight: 1 # share of the traffic, against others',
    '    # profile: { accuracy: 0.9, speed: 0.4 }',
  ]
  return `${[...lines, ...(index === 0 ? first : [])].join('\n')}\n`
}
