import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const DATA = '../shared/data/routellm_mmlu.csv'

/** Whole runs on 9,847 real outcomes, where they are at hand. */
export function measure() {
  if (!existsSync(DATA)) return []
  return [
    seconds('eval of MMLU, all strategies, 1,000 resamples', ['eval', DATA, '--allow-seen', '--json'], 60),
    seconds(
      'train of linear on MMLU with its report',
      ['train', DATA, '--strategy', 'linear', '-o', join(tmpdir(), 'perf.safetensors')],
      20,
    ),
  ]
}

function seconds(name, args, target) {
  const start = performance.now()
  const { status, stderr } = spawnSync(process.execPath, ['bin/llmroute.js', ...args], { maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${name}: ${stderr}`)
  return { name, value: (performance.now() - start) / 1000, unit: 's', target: `≤ ${target}` }
}
