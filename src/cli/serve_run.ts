import cluster from 'node:cluster'
import type { CallSettings } from '../call_types.ts'
import { UsageError } from '../errors.ts'
import { type Config, readConfig } from '../io/config.ts'
import { unpricedBudgets } from '../io/config_effect.ts'
import type { RouterOptions } from '../io/router_options.ts'
import { type ServeSettings, serveSchema } from '../io/serve_schema.ts'
import { checked } from '../schema.ts'
import { type AdmissionLimits, createAdmission } from '../server/admission.ts'
import { createApp, type Page } from '../server/app.ts'
import { hasKey } from '../server/deciding.ts'
import { createServerLog } from '../server/log.ts'
import { PREFIX } from '../server/metrics.ts'
import { watchProcess } from '../server/prometheus.ts'
import { listen } from '../server/server.ts'
import type { Routing, ServerParts } from '../server/server_types.ts'
import { createSharedState, type SharedState } from '../server/shared_state.ts'
import { createCaller } from '../upstream/caller.ts'
import { createForwarder } from '../upstream/forwarder.ts'
import { createUpstreamCore, type UpstreamCore } from '../upstream/upstream_core.ts'
import { openServeLog } from './serve_log.ts'
import { watchConfig } from './serve_reload.ts'
import { openRouting, type Upstream } from './serve_routing.ts'
import { createWorkerState, tellPrimary } from './serve_worker.ts'

/** What the command line says over the configuration. */
export interface ServeFlags {
  readonly port?: number
  readonly host?: string
  readonly workers?: number
  readonly context?: boolean
  readonly insecure?: boolean
  readonly logLevel?: ServeSettings['log_level']
}

/** A server that listens, until it is stopped. */
export interface Serving {
  /** `http://HOST:PORT`, without a slash at the end. */
  readonly url: string
  /** Takes no new request, lets those under way finish within the deadline, and closes. */
  stop(): Promise<void>
}

/** What counts as it was at the start. */
const FIXED = [
  ...(['port', 'host', 'workers', 'max_body', 'headers_timeout', 'request_timeout'] as const),
  ...(['log_level', 'log_prompts'] as const),
]

const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

/**
 * Reads the configuration, opens everything and listens. Reads it again on SIGHUP and when the file changes: a bad one keeps the
 * old and says why.
 * @throws UsageError, DataError; the system's error where the address cannot be had.
 */
export async function startServer(options: RouterOptions, flags: ServeFlags): Promise<Serving> {
  const config = await readConfig(options.config)
  // The file that was found, whatever comes to lie in the folders above it.
  const asked = config.file === undefined ? options : { ...options, config: config.file }
  let settings = settingsOf(config, flags)
  let calling = callingOf(config)
  // By the address that is listened at, whatever a later configuration says.
  const isLocal = LOOPBACK.includes(settings.host)
  const isOpen = isLocal || flags.insecure === true
  if (!isOpen && settings.keys.length === 0) throw noKeys(settings.host)
  const log = createServerLog(process.stderr, { level: settings.log_level, logsPrompts: settings.log_prompts })
  const now = () => performance.timeOrigin + performance.now()
  let upstream = openUpstream(config)
  let routing = await openRouting(asked, settings, upstream, () => state.threshold)
  let limits = limitsOf(settings, isOpen)
  const admission = createAdmission({ limits: () => limits, allowances: () => state.allowances })
  const figures = watchProcess(PREFIX)
  const state: SharedState = cluster.isWorker
    ? createWorkerState(admission, figures)
    : createSharedState({
        now,
        gauge: admission,
        onDrift: drift => log.warn('drift', { ...drift }),
        processes: async () => [{ figures: await figures() }],
      })
  await warmUp(routing)
  const start = { settings, log: routing.log }
  state.describe(routing)
  const decisions = await openServeLog(routing.log, message => log.warn(message))
  const parts: ServerParts = {
    routing: () => routing,
    admission,
    mostBytes: settings.max_body,
    origins: () => settings.origins,
    isLocal,
    sticky: state.sticky,
    now,
    onExchange(exchange) {
      state.see(exchange)
      log.exchange(exchange)
      decisions.add(exchange)
    },
    onRefusal(refused) {
      state.refuse(refused.error.code ?? refused.error.type)
      log.refusal(refused)
    },
    onShadow(id, decision, shadow) {
      const other = 'refused' in shadow ? { refused: shadow.refused } : { model: shadow.model, policy: shadow.policy }
      log.info('shadow', { request: id, model: decision.model, shadow: other })
    },
  }
  const open = { '/health': () => json(200, { status: 'online' }), '/ready': ready }
  const app = createApp(parts, open, { '/metrics': state.metrics, '/': state.status })
  const server = await listen(app, {
    port: settings.port,
    host: settings.host,
    headersTimeout: settings.headers_timeout,
    requestTimeout: settings.request_timeout,
  })
  warnOfBudgets()
  tellPrimary({ kind: 'drain', seconds: settings.drain })
  const stopWatching = watchConfig(config.file, reload)
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  return {
    url: `http://${host}:${server.port}`,
    async stop() {
      stopWatching()
      const { drain: seconds } = settings
      log.info('draining', { underWay: server.running(), seconds })
      const unfinished = await server.drain(seconds * 1000)
      if (unfinished > 0) log.warn('stopped: requests that took longer were ended', { unfinished, seconds })
      else log.info('stopped: all requests were answered')
      await upstream.forwarder.close()
      await decisions.close()
    },
  }

  function ready(): Page {
    const { models, statistics } = routing.pool
    const keyed = models.filter(hasKey)
    if (keyed.some(({ id }) => !statistics?.of(id).isOpen)) return json(200, { status: 'ready' })
    const reason = keyed.length === 0 ? 'no model has a key' : 'every model failed lately and is left alone'
    return json(503, { status: 'no model can be called', reason })
  }

  function warnOfBudgets(): void {
    const warning = unpricedBudgets(settings.keys, routing.pool.models)
    if (warning !== undefined) log.warn(warning)
  }

  /** All or nothing: what is under way goes on with what it began with. */
  async function reload(): Promise<void> {
    decisions.lookAgain()
    try {
      const next = await readConfig(asked.config)
      const nextSettings = settingsOf(next, flags)
      const nextCalling = callingOf(next)
      const nextUpstream = nextCalling === calling ? upstream : openUpstream(next, upstream.core)
      const nextRouting = await openRouting(asked, nextSettings, nextUpstream, () => state.threshold)
      await warmUp(nextRouting)
      nextUpstream.core.begin(nextRouting.pool.models)
      const earlier = upstream
      upstream = nextUpstream
      routing = nextRouting
      settings = nextSettings
      limits = limitsOf(settings, isOpen)
      admission.fillPlaces()
      calling = nextCalling
      state.describe(routing)
      if (earlier !== upstream) void admission.whenLeft().then(() => earlier.forwarder.close())
      tellPrimary({ kind: 'drain', seconds: settings.drain })
      log.info('configuration read again', { models: routing.pool.models.map(({ id }) => id) })
      const unmet = FIXED.filter(name => settings[name] !== start.settings[name])
      const other = JSON.stringify(routing.log) === JSON.stringify(start.log) ? [] : ['log']
      if (unmet.length + other.length > 0)
        log.warn('a new start is needed for other settings', { settings: [...unmet, ...other] })
      if (!isOpen && settings.keys.length === 0)
        log.warn('no keys are left: everyone is refused until there is one', {})
      warnOfBudgets()
    } catch (error) {
      log.warn('configuration kept: the new one cannot be used', { error: (error as Error).message })
    }
  }
}

/** What the configuration and the command line say of the server. Throws as `startServer`. */
export async function serveSettings({ config }: RouterOptions, flags: ServeFlags): Promise<ServeSettings> {
  return settingsOf(await readConfig(config), flags)
}

function settingsOf(config: Config, { port, host, workers, context, logLevel }: ServeFlags): ServeSettings {
  const settings = checked(serveSchema, config.serve, `${config.file ?? 'serve'}: serve`)
  return {
    ...settings,
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(workers === undefined ? {} : { workers }),
    ...(context === undefined ? {} : { context }),
    ...(logLevel === undefined ? {} : { log_level: logLevel }),
  }
}

function noKeys(host: string): UsageError {
  return new UsageError(
    `--host ${host}: expected keys for clients, since others than this machine could ask, got none. Make one with llmroute keys add NAME, or say --insecure.`,
  )
}

function limitsOf(
  { keys, max_concurrency: maxConcurrency, max_queue: maxQueue }: ServeSettings,
  isOpen: boolean,
): AdmissionLimits {
  return {
    needsKey: keys.length > 0 || !isOpen,
    keys: keys.map(({ name, sha256, rate_limit: rateLimit, daily_budget: dailyBudget }) => ({
      name,
      sha256,
      ...(rateLimit === undefined ? {} : { rateLimit }),
      ...(dailyBudget === undefined ? {} : { dailyBudget }),
    })),
    maxConcurrency,
    maxQueue,
  }
}

/** @param earlier whose breakers, statistics and places are kept. */
function openUpstream(options: CallSettings, earlier?: UpstreamCore): Upstream & { readonly core: UpstreamCore } {
  const core = createUpstreamCore(options, earlier)
  return { forwarder: createForwarder(options, core), caller: createCaller(options, core), core }
}

/** The same for configurations that call models alike. */
function callingOf({ retry, timeouts, breaker, cache, maxConcurrency, rateLimit }: CallSettings): string {
  return JSON.stringify([retry, timeouts, breaker, cache, maxConcurrency, rateLimit])
}

/** Loads weights and compiles what the first request would wait for. */
async function warmUp({ decide, forwarder }: Routing): Promise<void> {
  await forwarder.open()
  for (const prompt of ['', 'Prove that the square root of 2 is irrational.'])
    await decide({ kind: 'auto' }, { prompt }, false)
}

function json(status: number, value: unknown): Page {
  return { status, type: 'application/json', body: JSON.stringify(value) }
}
