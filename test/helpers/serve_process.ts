import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { binary } from './run_cli.ts'

/** A running `llmroute serve`. */
export interface ServeProcess {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly pid: number
  /** What it has written on standard error so far. */
  stderr(): string
  /** The lines of JSON among it. */
  log(): Record<string, unknown>[]
  /** Waits until `isSo` holds, else fails after some seconds. */
  until(isSo: () => boolean | Promise<boolean>): Promise<void>
  /** Sends SIGTERM, else `signal`, and gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts the built binary at a free port, with `config` as its llmroute.yaml in `folder`. */
export async function startServe(
  folder: string,
  config: string,
  { args = [], env = {} }: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ServeProcess> {
  const file = join(folder, 'llmroute.yaml')
  writeFileSync(file, config)
  const child = spawn(process.execPath, [binary, 'serve', '--port', '0', '--config', file, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', () => {
      const found = /listening at (http:\/\/\S+)/.exec(stderr)
      if (found) resolve(found[1]!)
    })
    child.once('exit', code => reject(new Error(`serve ended with ${code}: ${stderr}`)))
  })
  return {
    url,
    pid: child.pid!,
    stderr: () => stderr,
    log: () =>
      stderr
        .split('\n')
        .filter(line => line.startsWith('{'))
        .map(line => JSON.parse(line)),
    async until(isSo) {
      const end = Date.now() + 10_000
      while (!(await isSo())) {
        if (Date.now() > end) throw new Error(`waited in vain; standard error: ${stderr}`)
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    },
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}
