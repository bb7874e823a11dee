import cluster from 'node:cluster'
import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { printable } from '../../registry.ts'
import { createServerLog } from '../../server/log.ts'
import { addDecisionOptions, addPolicyOptions, type DecisionFlags, parseCount, routerOptions } from '../options.ts'
import { toJson } from '../output/json.ts'
import { type ServeFlags, serveSettings, startServer } from '../serve_run.ts'
import { ignoreHangUp, toldToEnd } from '../serve_signals.ts'
import { tellPrimary } from '../serve_worker.ts'
import { runPrimary } from '../serve_workers.ts'

type Flags = DecisionFlags & ServeFlags & { json?: boolean }

const EXAMPLES = `
Examples:
  llmroute serve
  llmroute serve --port 8080 --config llmroute.yaml
  curl localhost:6060/v1/chat/completions -d '{"model":"auto","messages":[{"role":"user","content":"hi"}]}'

A base URL (http://127.0.0.1:6060/v1) for every OpenAI client. The model of a request says who answers: "auto" the configured
policy, "router-mf-0.11593" a strategy with its threshold, a configured model's id that model.

  POST /v1/chat/completions /v1/responses /v1/completions /v1/embeddings /v1/messages   passed on byte for byte
  POST /v1/route     the decision alone, of one request or of many under "requests"
  GET  /v1/models    what may be asked for      GET /health /ready /metrics   and / a status page

SIGTERM lets what is under way finish, and a second one changes nothing; Ctrl-C twice ends it at once. SIGHUP, or a change of
llmroute.yaml, reads that file again. Lines of JSON about requests go to standard error, never with a key, and without prompts unless
the configuration says so (serve: { log_prompts: true }).

--json prints { "version", "url", "pid" } once it listens, for whoever starts it; SIGTERM to that process ends all workers.`

const LEVELS = ['debug', 'info', 'warn', 'silent'] as const

/** `llmroute serve`. */
export function define(command: Command): void {
  addPolicyOptions(addDecisionOptions(command))
    .option('--port <n>', 'port to listen at; 0 takes a free one (default: 6060)', parsePort)
    .option('--host <address>', 'address to listen at (default: 127.0.0.1)')
    .option('--workers <n>', 'processes; limits of requests and calls at a time are those of each (default: 1)', text =>
      parseCount(text, '--workers', 1),
    )
    .option('--context', 'score the whole conversation instead of its last user turn')
    .option('--log-level <level>', LEVELS.join(', '), parseLevel)
    .option('--json', 'print JSON')
    .option('--insecure', 'let others than this machine ask without a key')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(flags: Flags): Promise<void> {
  ignoreHangUp()
  if (cluster.isWorker) {
    // The channel to the primary would hold the process, however it ends.
    return serve(flags).finally(() => cluster.worker!.disconnect())
  }
  const settings = await serveSettings(await routerOptions(flags), flags)
  if (settings.workers === 1) return serve(flags)
  const log = createServerLog(process.stderr, { level: settings.log_level, logsPrompts: false })
  await runPrimary(settings, log, url => tellListening(url, flags))
}

async function serve(flags: Flags): Promise<void> {
  const serving = await startServer(await routerOptions(flags), flags)
  process.stderr.write(`llmroute: listening at ${serving.url}\n`)
  if (cluster.isWorker) tellPrimary({ kind: 'listening', url: serving.url })
  else tellListening(serving.url, flags)
  await toldToEnd()
  await serving.stop()
  // What is still being decided is for nobody any more.
  process.exit()
}

function tellListening(url: string, { json }: Flags): void {
  if (json) process.stdout.write(toJson({ version: 1, url, pid: process.pid }))
}

function parsePort(text: string): number {
  const port = parseCount(text, '--port', 0)
  if (port <= 65535) return port
  throw new UsageError(`--port: expected 0 to 65535, got ${port}.`)
}

function parseLevel(text: string): (typeof LEVELS)[number] {
  const level = LEVELS.find(candidate => candidate === text)
  if (level) return level
  throw new UsageError(`--log-level: expected ${LEVELS.join(', ')}, got "${printable(text)}".`)
}
