import { meanRow, normalize } from '../math/vectors.ts'
import { promptStatistics, standardised, statisticMoments, statisticNames } from '../text/statistics.ts'
import type { Checkpoint, Embedder, Tensor } from '../types.ts'
import { tensorOf } from './checkpoint_parts.ts'

/** Raised whenever the same text would give another vector, by a change here, in the statistics or in an embedder. */
export const FEATURE_VERSION = 1

/** What one standard deviation of a statistic counts beside a whole embedding; chosen by cross-validation. */
const STATISTIC_WEIGHT = 0.1

/** Prompts to vectors of unit length in which what is common to all training prompts is taken out. */
export interface PromptSpace {
  /** The embedder's, and one per prompt statistic. */
  readonly dimensions: number
  /** Row-major prompts × dimensions. */
  vectors(prompts: readonly string[]): Promise<Float32Array>
}

/**
 * Learns the space of a set of prompts: the mean embedding, which is subtracted so that cosines tell prompts of one kind
 * apart, and the scale of each statistic, which embeddings of unit length have lost.
 */
export async function fitPromptSpace(
  prompts: readonly string[],
  embedder: Embedder,
): Promise<{ space: PromptSpace; tensors: Record<string, Tensor>; vectors: Float32Array }> {
  const embeddings = await embedder.embed(prompts)
  const centre = new Float32Array(meanRow(embeddings, embedder.dimensions))
  const { means, deviations } = statisticMoments(prompts.map(promptStatistics))
  const statistics = Float64Array.from(means.flatMap((mean, j) => [mean, deviations[j]!, STATISTIC_WEIGHT]))
  return {
    space: spaceOf(embedder, centre, statistics),
    tensors: {
      centre: { shape: [embedder.dimensions], data: centre },
      statistics: { shape: [statisticNames.length, 3], data: statistics },
    },
    vectors: joined(prompts, embeddings, centre, statistics),
  }
}

/** The space a checkpoint was fitted in; the embedder's own where it has none. Throws DataError where its tensors do not fit. */
export function createPromptSpace(checkpoint: Checkpoint, embedder: Embedder): PromptSpace {
  if (!Object.hasOwn(checkpoint.tensors, 'centre')) {
    return { dimensions: embedder.dimensions, vectors: prompts => embedder.embed(prompts) }
  }
  const centre = tensorOf(checkpoint, 'centre', Float32Array, [embedder.dimensions])
  const statistics = tensorOf(checkpoint, 'statistics', Float64Array, [statisticNames.length, 3])
  return spaceOf(embedder, centre, statistics)
}

function spaceOf(embedder: Embedder, centre: Float32Array, statistics: Float64Array): PromptSpace {
  return {
    dimensions: embedder.dimensions + statisticNames.length,
    async vectors(prompts) {
      return joined(prompts, await embedder.embed(prompts), centre, statistics)
    },
  }
}

function joined(
  prompts: readonly string[],
  embeddings: Float32Array,
  centre: Float32Array,
  statistics: Float64Array,
): Float32Array {
  const inner = centre.length
  const width = inner + statisticNames.length
  const vectors = new Float32Array(prompts.length * width)
  for (let i = 0; i < prompts.length; i++) {
    const row = vectors.subarray(i * width, (i + 1) * width)
    for (let j = 0; j < inner; j++) row[j] = embeddings[i * inner + j]! - centre[j]!
    normalize(row.subarray(0, inner))
    const values = promptStatistics(prompts[i]!)
    for (let j = 0; j < values.length; j++) {
      row[inner + j] = statistics[j * 3 + 2]! * standardised(values[j]!, statistics[j * 3]!, statistics[j * 3 + 1]!)
    }
    normalize(row)
  }
  return vectors
}
