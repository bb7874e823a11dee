import type { LocalModels } from './model_types.ts'
import type { Reason } from './pool_types.ts'

export type * from './pool_types.ts'

/** Texts to vectors, row-major: texts.length × dimensions, each row of unit length (an empty text is a zero row). */
export interface Embedder {
  readonly id: string
  readonly dimensions: number
  /** Of what makes the vectors, where the id does not say it: embedders with one fingerprint are the same, whatever their ids. */
  readonly fingerprint?: string
  embed(texts: readonly string[]): Promise<Float32Array>
}

/** Scores prompts. */
export interface Strategy {
  /** Expected score of strong against weak in [0, 1], one per prompt, in order, each from its own prompt alone. */
  winRate(prompts: readonly string[]): Promise<Float64Array>
  /** Expected quality per prompt and model, row-major prompts × models; only where more than two models were learned. */
  quality?(prompts: readonly string[], models: readonly string[]): Promise<Float64Array>
  /** What moved the decision, most important first. */
  explain?(prompt: string): Promise<readonly Reason[]>
  /** The win rate at quantile q (0..1) of any prompts; only where it is known without data. */
  quantile?(q: number): number
}

/** A cache of embeddings, keyed by content hash. */
export interface Cache {
  get(key: string): Promise<Float32Array | undefined>
  set(key: string, value: Float32Array): Promise<void>
}

/** What a strategy may ask for; nothing loads until it is asked for. `postJson`, `cache`, `models` and `embedderTable` reach the outside on its behalf. */
export interface Resources {
  readonly seed: number
  /** The models that are routed between. A strategy that knows both scores for them, else for the pair of its checkpoint. */
  readonly pair?: { readonly strong: string; readonly weak: string }
  embedder(): Promise<Embedder>
  checkpoint(): Promise<Checkpoint>
  /** Sends JSON, returns the parsed answer. Throws `UpstreamError`. */
  postJson?(url: string, body: unknown): Promise<unknown>
  readonly cache?: Cache
  readonly models?: LocalModels
  /** Reads the table of an embedder that ships as one. Throws DataError where it cannot be read. */
  embedderTable?(id: string): Promise<TensorFile>
  /** Keep the text of training prompts in the checkpoint, so that `explain` can quote neighbours. Default false. */
  readonly keepPrompts?: boolean
}

/** What each file in strategies/ exports: the module namespace itself is the entry. There is no unfitted Strategy to misuse. */
export interface StrategyModule {
  /** Throws DataError when the checkpoint does not fit the strategy or the embedder. */
  create(resources: Resources): Promise<Strategy>
  /**
   * Learns from outcomes. Deterministic for one seed. Absent where there is nothing to learn (`random`, `length`), or nothing
   * that this program could teach (`recipe`).
   */
  fit?(outcomes: Outcomes, resources: Resources): Promise<Checkpoint>
  /** How to come by weights that `train` cannot make, as one or two sentences: what `train` and `--cv` say when they refuse. */
  readonly recipe?: string
}

/** One file of outcomes, and the pair its rows are about. `strong` and `weak` are indexes into `Outcomes.models`. */
export interface Source {
  readonly name: string
  readonly sha256: string
  readonly strong: number
  readonly weak: number
}

/** What each model earned on each prompt. All arrays have one entry per row unless they say otherwise. */
export interface Outcomes {
  readonly prompts: readonly string[]
  /** The `id` column, else the number of the row in its file, from 1. */
  readonly ids: readonly string[]
  /** The `category` column; '' where there is none. */
  readonly categories: readonly string[]
  /** Scores of the strong and the weak model of the row's own source, 0..1. NaN where not measured. */
  readonly strong: Float64Array
  readonly weak: Float64Array
  /** Index into `sources`. */
  readonly source: Uint16Array
  readonly sources: readonly Source[]
  readonly models: readonly string[]
  /** Row-major rows × models, 0..1, NaN where not measured. */
  readonly scores: Float64Array
  /** Row-major rows × models, US dollars for that prompt, NaN where not known. Absent where no cost is known. */
  readonly costs?: Float64Array
  /** Win rates that the file already holds (`win_rate:<name>` columns), by name. */
  readonly winRates: ReadonlyMap<string, Float64Array>
}

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint16Array
  | Int32Array
  | BigUint64Array

/** A named array of a checkpoint, row-major. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: TensorData
}

/** Named arrays of a file, and what its header says. */
export interface TensorFile {
  readonly file: string
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: Readonly<Record<string, Tensor>>
  /** Reads numbers `from` to `to` of a tensor, which are 0 until then; absent where all have been read. Throws DataError. */
  readonly load?: (tensor: string, from: number, to: number) => void
}

/** A figure with its 95 % interval. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** How a strategy did on prompts that it had not learned from. Estimates are absent where strong was no better than weak. */
export interface MeasuredFigures {
  readonly apgr?: Estimate
  /** APGR minus that of `length`, paired. */
  readonly minusLength?: Estimate
}

/** A file that a checkpoint was trained on, with figures on it by cross-validation. */
export interface TrainingFile extends MeasuredFigures {
  readonly name: string
  readonly rows: number
  readonly sha256: string
}

/** What a checkpoint says about itself. Serialised into the header of the safetensors file. */
export interface CheckpointMetadata {
  readonly strategy: string
  /** The embedder the weights were fitted on; absent where the strategy reads the text itself. */
  readonly embedder?: Pick<Embedder, 'id' | 'dimensions' | 'fingerprint'>
  /** Ids of the models that the weights know, in the order of the tensors that have one row per model. */
  readonly models: readonly string[]
  readonly pair: { readonly strong: string; readonly weak: string }
  /** Raised whenever the same text would give other features. */
  readonly featureVersion: number
  readonly trainedOn: readonly TrainingFile[]
  /** Over the training files, each counting alike; `beatsSingleModel`: on one of them, at some share, shown with confidence. */
  readonly measured?: MeasuredFigures & { readonly beatsSingleModel: boolean }
  /** ISO 8601 day. */
  readonly date: string
  readonly seed: number
  /** Free numbers and strings of the strategy itself (k of knn, tiers of sw_ranking …). */
  readonly options: Readonly<Record<string, number | string | readonly number[] | readonly string[]>>
}

/**
 * Trained weights. `tensors` belongs to the strategy, but for two names that `train` adds to every checkpoint:
 * `win_rate_quantiles` (Float64, 1001 values: the quantiles k/1000 of cross-validated win rates on the training prompts)
 * and `seen` (BigUint64, ascending: `promptHash` of every training prompt).
 */
export interface Checkpoint {
  readonly metadata: CheckpointMetadata
  readonly tensors: Readonly<Record<string, Tensor>>
  /**
   * Where the neural model lies that the rest is about: a folder, or the address of an endpoint with the model's name behind
   * `#`. Absent where the tensors are all there is. Not stored: whoever opens the folder says it.
   */
  readonly model?: string
}
