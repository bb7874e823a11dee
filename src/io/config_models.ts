import type { Endpoint, Model } from '../types.ts'
import type { Path } from './config_document.ts'
import type { ModelSettings } from './config_schema.ts'
import { isVariableName, safelyPrintable } from './config_secrets.ts'
import { presets } from './presets.ts'

/** Says what is wrong under a path within a model's settings. */
type Report = (path: Path, message: string, where?: 'key' | 'value') => void

/** Settings that only say something where the model can be called. */
const OF_CALLS = ['name', 'api_key_env', 'key_header', 'api', 'headers', 'query'] as const
const OF_AZURE = ['resource', 'deployment', 'api_version'] as const

/** Headers that carry keys, or that belong to the connection. */
const NOT_HEADERS =
  /^(authorization|proxy-authorization|api-key|x-api-key|cookie|host|connection|content-length|content-type|transfer-encoding|upgrade|te|trailer|expect)$/i

/** A model of llmroute.yaml as policies and calls take it. What is wrong goes to `report`. */
export function modelOf(id: string, settings: ModelSettings, report: Report): Model {
  if (id === 'auto' || id.startsWith('router-')) {
    report([], `expected another id than "${safelyPrintable(id)}": serve gives that name to its own routers.`, 'key')
  }
  const { modalities, vision, weight, capacity } = settings
  if (modalities && vision !== undefined && modalities.includes('image') !== vision) {
    report(['vision'], `expected what modalities says of images, got ${vision}. Leave one out.`)
  }
  if (weight !== undefined && capacity !== undefined) {
    report(['capacity'], 'expected weight or capacity, got both. Leave one out.')
  }
  return given<Model>({
    id,
    inputPrice: settings.input_price,
    outputPrice: settings.output_price,
    cachedInputPrice: settings.cached_input_price,
    contextWindow: settings.context_window,
    maxOutputTokens: settings.max_output_tokens,
    tools: settings.tools,
    vision: vision ?? modalities?.includes('image'),
    audio: modalities?.includes('audio'),
    video: modalities?.includes('video'),
    files: modalities?.includes('file'),
    jsonSchema: settings.json_schema,
    tags: settings.tags,
    weight: weight ?? capacity,
    profile: settings.profile,
    outputTokens: settings.output_tokens,
    endpoint: endpointOf(id, settings, report),
  })
}

function endpointOf(id: string, settings: ModelSettings, report: Report): Endpoint | undefined {
  const preset = settings.provider === undefined ? undefined : presets[settings.provider]
  const baseUrl = settings.base_url ?? preset?.baseUrl
  if (baseUrl === undefined) {
    const needless = OF_CALLS.find(key => settings[key] !== undefined)
    if (needless) report([needless], `expected base_url or provider beside it, got neither.`)
    return undefined
  }
  checkHeaders(settings, report)
  if (settings.api_key_env !== undefined && !isVariableName(settings.api_key_env)) {
    report(
      ['api_key_env'],
      'expected the name of an environment variable such as OPENAI_API_KEY, got something else (not shown). Keys never stand in the file.',
    )
  }
  const isAzure = settings.provider === 'azure'
  const stray = OF_AZURE.find(key => !isAzure && settings[key] !== undefined)
  if (stray) report([stray], `expected provider: azure beside it, got ${settings.provider ?? 'none'}.`)
  const name = settings.name ?? settings.deployment
  const query = {
    ...(isAzure && settings.base_url !== undefined ? {} : preset?.query),
    ...(settings.api_version === undefined ? {} : { 'api-version': settings.api_version }),
    ...settings.query,
  }
  return given<Endpoint>({
    baseUrl:
      isAzure && settings.base_url === undefined
        ? azureUrl(baseUrl, settings.resource, settings.deployment ?? name ?? id, report)
        : normalUrl(baseUrl, report),
    name,
    keyVariable: settings.api_key_env ?? preset?.keyVariable,
    api: settings.api ?? preset?.api,
    keyHeader: settings.key_header ?? preset?.keyHeader,
    query: Object.keys(query).length > 0 ? query : undefined,
    headers: settings.headers,
  })
}

/** An address without what calls add to it. It is not shown where it is refused, since it may hold a password. */
function normalUrl(text: string, report: Report): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:\/\//i.test(text)) {
    report(
      ['base_url'],
      `expected an address that begins with https:// or http://, got ${/[@?]/.test(text) ? 'something else (not shown)' : `"${safelyPrintable(text)}"`}.`,
    )
  } else if (url.username !== '' || url.password !== '') {
    report(['base_url'], 'expected an address without user and password, got one with (not shown). Use api_key_env.')
  } else if (url.search !== '' || url.hash !== '') {
    report(['base_url'], 'expected an address that ends before "?" and "#", got more (not shown). Use query.')
  } else if (/\/(chat\/)?completions\/*$/.test(url.pathname)) {
    report(
      ['base_url'],
      `expected an address without ${url.pathname.match(/\/(chat\/)?completions/)![0]}, got one with. Leave that out.`,
    )
  }
  return text.replace(/\/+$/, '')
}

function azureUrl(template: string, resource: string | undefined, deployment: string, report: Report): string {
  if (resource === undefined) {
    report(['provider'], 'expected resource beside azure (RESOURCE of https://RESOURCE.openai.azure.com), got none.')
  } else if (!/^[a-z0-9-]+$/i.test(resource)) {
    report(['resource'], 'expected letters, digits and hyphens, got other characters.')
  }
  return template.replace('RESOURCE', resource ?? '').replace('DEPLOYMENT', encodeURIComponent(deployment))
}

function checkHeaders({ headers = {}, query = {} }: ModelSettings, report: Report): void {
  for (const [name, value] of Object.entries(headers)) {
    const path = ['headers', name]
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) report(path, 'expected the name of a header, got another text.', 'key')
    else if (NOT_HEADERS.test(name)) {
      report(
        path,
        'expected another header, got one that is set by itself. Name the variable of a key in api_key_env.',
        'key',
      )
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (/[\u0000-\u001f\u007f]|[^\u0000-\u00ff]/.test(value))
      report(path, 'expected one line of Latin letters, got others.')
  }
  const key = Object.keys(query).find(name => /^(api[-_]?)?(key|token)$|^sig$/i.test(name))
  if (key !== undefined) report(['query', key], 'expected no key in the file, got one (not shown). Use api_key_env.')
}

/** Without what is not there. */
function given<T>(parts: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as T
}
