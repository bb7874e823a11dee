import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { isEndpoint } from '../strategies/label_endpoint.ts'
import { CONFIG_FILE, findConfig } from './config.ts'
import { unwritable } from './file_errors.ts'
import type { parseDocument as parse } from './yaml.ts'

type Document = ReturnType<typeof parse>

/** What `calibrate --save` writes. */
export interface Calibrated {
  readonly strategy: string
  readonly threshold: number
  /** Absent where it was not asked for another pair than the checkpoint's. */
  readonly pair?: { readonly strong: string; readonly weak: string }
  /** Absent where the strategy has no weights. */
  readonly checkpoint?: { readonly file: string; readonly sha256: string; readonly isShipped: boolean }
}

/** What `calibrate --policy best_value --save` writes. */
export type CalibratedValue = Pick<Calibrated, 'strategy' | 'checkpoint'> & { readonly lambda: number }

/** Writes threshold, strategy and checkpoint into the configuration, keeping everything else in it, comments too. Returns its path. */
export function saveCalibration(calibrated: Calibrated, path?: string): Promise<string> {
  return editConfig(path, (document, file) => {
    document.set('strategy', calibrated.strategy)
    document.set('threshold', calibrated.threshold)
    document.delete('strong_pct')
    if (calibrated.pair) document.set('pair', document.createNode(calibrated.pair))
    setCheckpoint(document, calibrated.checkpoint, file)
  })
}

/** Makes best_value the policy, with λ and what predicts quality; a threshold of other weights goes. Returns the file's path. */
export function saveLambda(calibrated: CalibratedValue, path?: string): Promise<string> {
  return editConfig(path, (document, file) => {
    const { strategy, checkpoint, lambda } = calibrated
    if (document.get('strategy') !== strategy || document.get('checkpoint_sha256') !== checkpoint?.sha256) {
      document.delete('threshold')
    }
    document.set('policy', 'best_value')
    if (typeof document.get('best_value') !== 'object') document.set('best_value', document.createNode({}))
    document.setIn(['best_value', 'lambda'], lambda)
    document.set('strategy', strategy)
    setCheckpoint(document, checkpoint, file)
  })
}

function setCheckpoint(document: Document, checkpoint: Calibrated['checkpoint'], file: string): void {
  if (checkpoint && !checkpoint.isShipped) {
    const isPath = !isEndpoint(checkpoint.file)
    document.set('checkpoint', isPath ? relative(dirname(resolve(file)), resolve(checkpoint.file)) : checkpoint.file)
  } else document.delete('checkpoint')
  if (checkpoint) document.set('checkpoint_sha256', checkpoint.sha256)
  else document.delete('checkpoint_sha256')
}

async function editConfig(path: string | undefined, edit: (document: Document, file: string) => void): Promise<string> {
  const file = path ?? findConfig() ?? resolve(CONFIG_FILE)
  const { parseDocument } = await import('./yaml.ts')
  const document = parseDocument(existsSync(file) ? readFileSync(file, 'utf8') : '{}\n')
  if (document.contents && 'flow' in document.contents) document.contents.flow = false
  edit(document, file)
  try {
    writeFileSync(`${file}.partial`, document.toString())
    renameSync(`${file}.partial`, file)
  } catch (error) {
    throw unwritable(file, error)
  }
  return file
}
