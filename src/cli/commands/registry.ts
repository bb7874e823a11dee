import type { Command } from 'commander'
import type { Registry } from '../../registry.ts'

/** What each file in commands/ exports: it adds its arguments, options, examples and action. */
export interface CommandModule {
  define(command: Command): void
}

/** Every command: the file name is the id. `--help` reads summaries and loads nothing. */
export const commands: Registry<CommandModule> = {
  route: { summary: 'decide which model should answer one prompt', load: () => import('./route.ts') },
  batch: { summary: 'decide for every row of a file or a stream', load: () => import('./batch.ts') },
  calibrate: { summary: 'find the threshold for a spending or quality target', load: () => import('./calibrate.ts') },
  eval: { summary: 'measure which strategy is worth having, with intervals', load: () => import('./eval.ts') },
  replay: {
    summary: 'decide the requests of a log again, by another policy',
    load: () => import('./replay.ts'),
  },
  label: { summary: 'call models and score their answers, for train', load: () => import('./label.ts') },
  train: { summary: 'learn a strategy from your own outcomes', load: () => import('./train.ts') },
  serve: { summary: 'an OpenAI-compatible endpoint that routes', load: () => import('./serve.ts') },
  keys: { summary: 'make, list and remove keys for clients of serve', load: () => import('./keys.ts') },
  list: { summary: 'show strategies, embedders, policies, datasets or checkpoints', load: () => import('./list.ts') },
  init: { summary: 'write a commented llmroute.yaml to begin with', load: () => import('./init.ts') },
  config: { summary: 'check llmroute.yaml and show what counts', load: () => import('./config.ts') },
}
