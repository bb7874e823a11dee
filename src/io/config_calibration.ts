import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { isEndpoint } from '../strategies/label_endpoint.ts'
import { CONFIG_FILE, findConfig } from './config.ts'
import { unwritable } from './file_errors.ts'

/** What `calibrate --save` writes. */
export interface Calibrated {
  readonly strategy: string
  readonly threshold: number
  /** Absent where it was not asked for another pair than the checkpoint's. */
  readonly pair?: { readonly strong: string; readonly weak: string }
  /** Absent where the strategy has no weights. */
  readonly checkpoint?: { readonly file: string; readonly sha256: string; readonly isShipped: boolean }
}

/** Writes threshold, strategy and checkpoint into the configuration, keeping everything else in it, comments too. Returns its path. */
export async function saveCalibration(calibrated: Calibrated, path?: string): Promise<string> {
  const file = path ?? findConfig() ?? resolve(CONFIG_FILE)
  const { parseDocument } = await import('./yaml.ts')
  const document = parseDocument(existsSync(file) ? readFileSync(file, 'utf8') : '{}\n')
  if (document.contents && 'flow' in document.contents) document.contents.flow = false
  document.set('strategy', calibrated.strategy)
  document.set('threshold', calibrated.threshold)
  document.delete('strong_pct')
  if (calibrated.pair) document.set('pair', document.createNode(calibrated.pair))
  const { checkpoint } = calibrated
  if (checkpoint && !checkpoint.isShipped) {
    const isPath = !isEndpoint(checkpoint.file)
    document.set('checkpoint', isPath ? relative(dirname(resolve(file)), resolve(checkpoint.file)) : checkpoint.file)
  } else document.delete('checkpoint')
  if (checkpoint) document.set('checkpoint_sha256', checkpoint.sha256)
  else document.delete('checkpoint_sha256')
  try {
    writeFileSync(`${file}.partial`, document.toString())
    renameSync(`${file}.partial`, file)
  } catch (error) {
    throw unwritable(file, error)
  }
  return file
}
