import { spawn } from 'node:child_process'

/**
 * Runs node, with a module of `watch` beside it that prints what it measures as one line on standard error: `name JSON`.
 * Gives wall time and what was printed; throws where the run failed.
 */
export async function runNode(args, watch, cwd) {
  const started = performance.now()
  const child = spawn(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(watch)}`, ...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let printed = ''
  child.stderr.on('data', chunk => {
    printed += chunk
  })
  const code = await new Promise(resolve => child.on('close', resolve))
  const seconds = (performance.now() - started) / 1000
  const measured = /^measured (.*)$/m.exec(printed)
  if (code !== 0 || !measured) throw new Error(`node ${args.join(' ')} ended with ${code}: ${printed}`)
  return { seconds, printed, measured: JSON.parse(measured[1]) }
}
