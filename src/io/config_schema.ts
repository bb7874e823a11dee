import { policies } from '../policies/registry.ts'
import { v } from '../schema.ts'
import { strategies } from '../strategies/registry.ts'
import { count, duration, flag, list, oneOf, positive, price, share, size, text, texts } from './config_values.ts'
import { presets } from './presets.ts'
import { serveSchema } from './serve_schema.ts'

/**
 * What llmroute.yaml may hold. Messages are `expected X`; `config_problems.ts` adds what was got.
 * @param blocks policy id → schema of its block of options.
 */
export function configSchema(blocks: Readonly<Record<string, v.GenericSchema>>) {
  return v.strictObject({
    ...entries,
    ...Object.fromEntries(Object.entries(blocks).map(([id, schema]) => [id, v.optional(schema)])),
  })
}

/** Ids of the policies whose options stand under their id: all but one whose id is a key of its own. */
export function policiesWithBlock(): string[] {
  return Object.keys(policies).filter(id => !Object.hasOwn(entries, id))
}

/** What a model's settings are after the check. */
export type ModelSettings = v.InferOutput<typeof modelSettings>
/** What the file holds after the check, blocks of policies apart. */
export type Settings = v.InferOutput<v.StrictObjectSchema<typeof entries, undefined>>

const modelSettings = v.strictObject({
  provider: v.exactOptional(
    oneOf(Object.keys(presets), 'A preset: fills in base_url and api_key_env, which win where they are given.'),
  ),
  base_url: v.exactOptional(text('Address of the OpenAI-compatible endpoint, up to and without /chat/completions.')),
  name: v.exactOptional(text("The model's name at the provider. Default: its id here.")),
  api_key_env: v.exactOptional(
    text('Name of the environment variable that holds the key. The key itself never stands here.'),
  ),
  key_header: v.exactOptional(
    oneOf(
      ['authorization', 'api-key', 'x-api-key'],
      'The header that carries the key. Default authorization: Bearer; of api: anthropic x-api-key.',
    ),
  ),
  api: v.exactOptional(oneOf(['openai', 'anthropic'], 'The form that the endpoint speaks. Default openai.')),
  resource: v.exactOptional(text('Azure OpenAI: the resource, first part of its host name.')),
  deployment: v.exactOptional(text('Azure OpenAI: the deployment. Default: name, else the id.')),
  api_version: v.exactOptional(text('Azure OpenAI: the api-version of the address.')),
  headers: v.exactOptional(texts('Sent with every call. Never the key.')),
  query: v.exactOptional(texts('Added to the address of every call. Never the key.')),
  input_price: v.exactOptional(price('US dollars per million input tokens. Absent means unknown; nothing is guessed.')),
  output_price: v.exactOptional(price('US dollars per million output tokens.')),
  cached_input_price: v.exactOptional(price('US dollars per million input tokens that the provider has in its cache.')),
  context_window: v.exactOptional(count('Tokens of prompt and answer together.')),
  max_output_tokens: v.exactOptional(count('Tokens of the longest answer.')),
  output_tokens: v.exactOptional(
    positive('a number of tokens above 0', 'Mean tokens of an answer, for predicted costs. Measured ones count more.'),
  ),
  tools: v.exactOptional(flag('Whether it can call tools.')),
  vision: v.exactOptional(flag('Whether it takes images.')),
  json_schema: v.exactOptional(flag('Whether it keeps to a JSON schema.')),
  modalities: v.exactOptional(
    v.pipe(
      v.array(v.picklist(['text', 'image', 'audio', 'video', 'file']), 'expected a list such as [text, image]'),
      v.description(
        'What it takes; a policy picks it for nothing else: a list without file or audio refuses files or audio. With image it is the same as vision: true.',
      ),
    ),
  ),
  tags: v.exactOptional(
    list(text('A tag.'), 'a list such as [region:eu]', 'What requests may ask for, such as region:eu.'),
  ),
  weight: v.exactOptional(
    positive('a number above 0', 'Capacity, or share of the traffic, against others. Default 1.'),
  ),
  capacity: v.exactOptional(positive('a number above 0', 'The same as weight.')),
  profile: v.exactOptional(
    v.pipe(
      v.record(
        v.string(),
        share('Higher is better, of cost too.'),
        'expected scores such as { accuracy: 0.9, speed: 0.4 }',
      ),
      v.description('Scores from 0 to 1 by name: accuracy, creativity, safety, speed, cost and others.'),
    ),
  ),
})

const entries = {
  models: v.exactOptional(
    v.pipe(
      v.record(v.string(), v.nullable(modelSettings), 'expected model ids with their settings'),
      v.description('The models, by id.'),
    ),
  ),
  pair: v.exactOptional(
    v.pipe(
      v.strictObject(
        { strong: text('Id of the strong model.'), weak: text('Id of the weak model.') },
        'expected { strong: ID, weak: ID }',
      ),
      v.description('The two sides that a strategy decides between.'),
    ),
  ),
  strategy: v.exactOptional(oneOf(Object.keys(strategies), 'What scores prompts. Default: that of the checkpoint.')),
  checkpoint: v.exactOptional(
    text('Trained weights: a path from this file, or http://HOST/v1#MODEL. Default: shipped.'),
  ),
  checkpoint_sha256: v.exactOptional(text('Of the weights that the threshold was calibrated on.')),
  threshold: v.exactOptional(
    v.pipe(
      v.union([v.number(), v.literal('auto')], 'expected a number'),
      v.description('Strong iff win rate >= threshold; .inf sends all to weak. auto: it follows the traffic (serve).'),
    ),
  ),
  strong_pct: v.exactOptional(share('Share for strong, looked up in the checkpoint, in place of a threshold.')),
  policy: v.exactOptional(
    oneOf(Object.keys(policies), 'What picks a model. Default threshold. Its options stand under its id.'),
  ),
  fallback: v.exactOptional(
    list(
      text('Id of a model.'),
      'a list of model ids',
      'Models that are called, in order, where the chosen one fails.',
    ),
  ),
  retry: v.exactOptional(
    v.pipe(
      v.strictObject({
        attempts: v.exactOptional(count('At one model, the first included. Default 4.')),
        first_wait: v.exactOptional(duration('Longest first wait; it doubles from attempt to attempt. Default 500ms.')),
        longest_wait: v.exactOptional(duration('Longest wait of all, Retry-After included. Default 30s.')),
      }),
      v.description('Trying a failed call again.'),
    ),
  ),
  timeouts: v.exactOptional(
    v.pipe(
      v.strictObject({
        connect: v.exactOptional(duration('Until connected. Default 10s.')),
        first_byte: v.exactOptional(duration('From sending to the first byte of the answer. Default 2m.')),
        idle: v.exactOptional(duration('Between two pieces of the answer. Default 1m.')),
        total: v.exactOptional(duration('Of one attempt, answer included. Default 10m.')),
      }),
      v.description('Of one attempt.'),
    ),
  ),
  breaker: v.exactOptional(
    v.pipe(
      v.strictObject({
        failures: v.exactOptional(count('Failed attempts in a row that open it. Default 5.')),
        share: v.exactOptional(share('Share of failed attempts in the window that opens it. Default 0.5.')),
        window: v.exactOptional(duration('Default 1m.')),
        minimum: v.exactOptional(count('Attempts in the window below which the share says nothing. Default 20.')),
        cool_down: v.exactOptional(duration('How long it is open before one probe goes through. Default 30s.')),
        account_cool_down: v.exactOptional(duration('The same where key or account is refused. Default 5m.')),
        patience: v.exactOptional(duration('How long a call waits for it where no other model is left. Default 0.')),
      }),
      v.description('When a model that fails is left alone for a while.'),
    ),
  ),
  cache: v.exactOptional(
    v.pipe(
      v.strictObject({
        ttl: v.exactOptional(duration('How long an answer is good for. Default 1d.')),
        max_bytes: v.exactOptional(size('Of answers in memory. Default 64MB.')),
        folder: v.exactOptional(text('Where answers are kept on disk as well: a path from this file.')),
        max_disk_bytes: v.exactOptional(size('Of answers on disk. Default 1GB.')),
      }),
      v.description('Turns the cache of answers on.'),
    ),
  ),
  max_concurrency: v.exactOptional(count('Calls under way at a time, in each process. Default: no limit.')),
  rate_limit: v.exactOptional(
    positive('a number of calls a second above 0', 'Calls a second, of each process. Default: no limit.'),
  ),
  log: v.exactOptional(
    v.pipe(
      v.strictObject({
        file: v.exactOptional(text('Where decisions are logged, JSONL: a path from this file.')),
        prompts: v.exactOptional(oneOf(['hash', 'text'], 'What stands for a prompt in the log. Default hash.')),
      }),
      v.description('The log of decisions.'),
    ),
  ),
  serve: v.exactOptional(v.pipe(serveSchema, v.description('Settings of llmroute serve.'))),
}
