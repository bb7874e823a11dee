import { spawnSync } from 'node:child_process'
import { median } from './median.mjs'

const RUNS = 21

/** Whole processes, in turn, so that a slow moment hits both. */
export function measure() {
  const commands = { 'route "hi"': ['bin/llmroute.js', 'route', 'hi'], '--help': ['bin/llmroute.js', '--help'] }
  return Object.entries(commands).map(([name, args]) => {
    const ratios = Array.from({ length: RUNS }, () => time(args) / time(['-e', '']))
    return {
      name: `start-up: ${name} against bare node, median of ${RUNS} pairs`,
      value: median(ratios),
      unit: '×',
      target: '≤ 1.7',
    }
  })
}

function time(args) {
  const start = performance.now()
  spawnSync(process.execPath, args)
  return performance.now() - start
}
