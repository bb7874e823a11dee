import { policies } from '../policies/registry.ts'
import { v } from '../schema.ts'
import { duration, oneOf } from './config_values.ts'

const count = (description: string, fallback: number) =>
  v.optional(
    v.pipe(v.number(), v.safeInteger('expected a whole number'), v.minValue(1), v.description(description)),
    fallback,
  )
const isSet = (description: string, fallback: boolean) =>
  v.optional(v.pipe(v.boolean(), v.description(description)), fallback)

const clientKey = v.strictObject({
  name: v.pipe(v.string(), v.nonEmpty(), v.description('Who has the key, for logs and metrics.')),
  sha256: v.pipe(
    v.string(),
    v.regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits; llmroute keys add makes them'),
    v.description('Of the key; the key itself stands nowhere.'),
  ),
  rate_limit: v.exactOptional(v.pipe(v.number(), v.gtValue(0), v.description('Requests a minute.'))),
  daily_budget: v.exactOptional(v.pipe(v.number(), v.minValue(0), v.description('US dollars a day (UTC).'))),
})

/** The block `serve` of llmroute.yaml. */
export const serveSchema = v.strictObject({
  port: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535), v.description('Default 6060.')),
    6060,
  ),
  host: v.optional(
    v.pipe(v.string(), v.nonEmpty(), v.description('Address to listen at. Default 127.0.0.1.')),
    '127.0.0.1',
  ),
  keys: v.optional(v.pipe(v.array(clientKey), v.description('Keys of clients. None: everyone may ask.')), []),
  origins: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.regex(
            /^(?:\*|[a-z][a-z0-9+.-]*:\/\/[^/\s]*)$/i,
            'expected an origin such as https://app.example.com, or *',
          ),
        ),
      ),
      v.description(
        'Web pages of other hosts that may ask, such as https://app.example.com; * for all. Pages of this machine may.',
      ),
    ),
    [],
  ),
  sticky: isSet('Whether a conversation keeps its model. Default true.', true),
  context: isSet('Whether the whole conversation is scored instead of its last user turn. Default false.', false),
  max_body: count('Bytes of a request. Default 33554432.', 33_554_432),
  max_concurrency: count('Requests under way at a time, in each worker. Default 2048.', 2048),
  max_queue: count('Requests that wait for a place, in each worker; beyond, 503. Default 2048.', 2048),
  headers_timeout: v.optional(duration('Until the headers of a request are there. Default 30s.'), 30_000),
  request_timeout: v.optional(duration('Until the whole request is there. Default 1m.'), 60_000),
  drain: v.optional(
    v.pipe(
      v.number(),
      v.safeInteger('expected a whole number'),
      v.minValue(1),
      v.maxValue(86_400),
      v.description('Seconds that requests under way may take after SIGTERM, up to a day. Default 30.'),
    ),
    30,
  ),
  workers: count(
    'Processes. Limits of requests and calls at a time, and of calls a second, are those of each. Default 1.',
    1,
  ),
  log_level: v.optional(
    v.pipe(
      v.picklist(['debug', 'info', 'warn', 'silent']),
      v.description('Of the log on standard error. Default info.'),
    ),
    'info',
  ),
  log_prompts: isSet('Whether the beginning of prompts is logged. Default false.', false),
  shadow: v.exactOptional(oneOf(Object.keys(policies), 'A second policy that decides, is logged and never answers.')),
})

/** The settings of a server, defaults filled in. */
export type ServeSettings = v.InferOutput<typeof serveSchema>
