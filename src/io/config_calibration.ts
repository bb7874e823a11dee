import { dirname, relative, resolve } from 'node:path'
import { isEndpoint } from '../strategies/label_endpoint.ts'
import { CONFIG_FILE, findConfig } from './config.ts'
import type { Edit } from './config_edit.ts'
import { saveEdits } from './config_save.ts'

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

/** Writes threshold, strategy and checkpoint into the configuration; all else in it stays. Returns its path. */
export async function saveCalibration(
  { strategy, threshold, pair, checkpoint }: Calibrated,
  path?: string,
): Promise<string> {
  const file = fileOf(path)
  await saveEdits(file, () => [
    { path: ['strategy'], value: strategy },
    { path: ['threshold'], value: threshold },
    { path: ['strong_pct'], value: undefined },
    ...Object.entries(pair ?? {}).map(([side, value]) => ({ path: ['pair', side], value })),
    ...checkpointEdits(checkpoint, file),
  ])
  return file
}

/** Makes best_value the policy, with λ and what predicts quality; a threshold of other weights goes. Returns the file's path. */
export async function saveLambda({ strategy, checkpoint, lambda }: CalibratedValue, path?: string): Promise<string> {
  const file = fileOf(path)
  await saveEdits(file, content => {
    const isSame = content.strategy === strategy && content.checkpoint_sha256 === checkpoint?.sha256
    return [
      ...(isSame ? [] : [{ path: ['threshold'], value: undefined }]),
      { path: ['policy'], value: 'best_value' },
      { path: ['best_value', 'lambda'], value: lambda },
      { path: ['strategy'], value: strategy },
      ...checkpointEdits(checkpoint, file),
    ]
  })
  return file
}

function fileOf(path: string | undefined): string {
  return path ?? findConfig() ?? resolve(CONFIG_FILE)
}

function checkpointEdits(checkpoint: Calibrated['checkpoint'], file: string): Edit[] {
  const isNamed = checkpoint && !checkpoint.isShipped
  const named =
    isNamed && !isEndpoint(checkpoint.file)
      ? relative(dirname(resolve(file)), resolve(checkpoint.file))
      : checkpoint?.file
  return [
    { path: ['checkpoint'], value: isNamed ? named : undefined },
    { path: ['checkpoint_sha256'], value: checkpoint?.sha256 },
  ]
}
