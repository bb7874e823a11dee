import { create as createHashing } from '../embedders/hashing.ts'
import { createScan, quantizeRows, SCAN_QUERIES } from '../math/quantized_rows.ts'
import { meanRow, normalize } from '../math/vectors.ts'
import { promptStatistics, standardised, statisticMoments, statisticNames } from '../text/statistics.ts'
import type { Checkpoint, Embedder, Tensor } from '../types.ts'
import { numberOption, tensorOf } from './checkpoint_parts.ts'

const WORDING_DIMENSIONS = 256
/** Of 1 − cosine, in the kernel of meaning. */
const MEANING_WIDTH = 0.3
const STATISTICS = statisticNames.length

/** What a prompt means, how it is worded and what it looks like, as numbers that a linear model can weigh. */
export interface PromptFeatures {
  /** Landmarks, then hashed wording, then statistics. */
  readonly width: number
  readonly landmarks: number
  /** Row-major prompts × width. */
  rows(prompts: readonly string[]): Promise<Float32Array>
  /** The kernel between each two landmarks, row-major landmarks × landmarks. */
  kernel(): Float64Array
}

/** What the features are made from, as stored in a checkpoint. */
interface Parts {
  readonly embedder: Embedder
  readonly centre: Float32Array
  readonly wordingCentre: Float32Array
  /** Mean and standard deviation of each statistic. */
  readonly statistics: Float64Array
  readonly codes: Int8Array
  readonly scales: Float32Array
  /** Standardised statistics of the landmarks, row-major. */
  readonly shapes: Float32Array
  /** Of the squared distance between statistics, in the kernel of shape. */
  readonly shapeWidth: number
}

/**
 * Learns features from prompts: their means and scales, and the landmarks to which others are compared.
 * @param chosen rows that become landmarks
 * @param shapeWidth of the kernel of shape: the wider, the smoother is what can be learned
 */
export async function fitPromptFeatures(
  prompts: readonly string[],
  embedder: Embedder,
  chosen: Int32Array,
  shapeWidth: number,
): Promise<{ features: PromptFeatures; tensors: Record<string, Tensor> }> {
  const { dimensions } = embedder
  const wording = await createHashing({ dimensions: WORDING_DIMENSIONS })
  const centre = Float32Array.from(meanRow(await embedder.embed(prompts), dimensions))
  const wordingCentre = Float32Array.from(meanRow(await wording.embed(prompts), WORDING_DIMENSIONS))
  const { means, deviations } = statisticMoments(prompts.map(promptStatistics))
  const statistics = Float64Array.from(means.flatMap((mean, j) => [mean, deviations[j]!]))
  const landmarks = Array.from(chosen, row => prompts[row]!)
  const meanings = centred(await embedder.embed(landmarks), centre)
  const { codes, scales } = quantizeRows(meanings, dimensions)
  const shapes = Float32Array.from(landmarks.flatMap(prompt => [...shapeOf(prompt, statistics)]))
  const parts = { embedder, centre, wordingCentre, statistics, codes, scales, shapes, shapeWidth }
  return {
    features: await createFeatures(parts),
    tensors: {
      centre: { shape: [dimensions], data: centre },
      wording_centre: { shape: [WORDING_DIMENSIONS], data: wordingCentre },
      statistics: { shape: [STATISTICS, 2], data: statistics },
      landmarks: { shape: [landmarks.length, dimensions], data: codes },
      landmark_scales: { shape: [landmarks.length], data: scales },
      landmark_shapes: { shape: [landmarks.length, STATISTICS], data: shapes },
    },
  }
}

/** The features a checkpoint was fitted on. Throws DataError where its tensors do not fit. */
export function readPromptFeatures(checkpoint: Checkpoint, embedder: Embedder): Promise<PromptFeatures> {
  const { dimensions } = embedder
  const scales = tensorOf(checkpoint, 'landmark_scales', Float32Array, [undefined])
  return createFeatures({
    embedder,
    centre: tensorOf(checkpoint, 'centre', Float32Array, [dimensions]),
    wordingCentre: tensorOf(checkpoint, 'wording_centre', Float32Array, [WORDING_DIMENSIONS]),
    statistics: tensorOf(checkpoint, 'statistics', Float64Array, [STATISTICS, 2]),
    codes: tensorOf(checkpoint, 'landmarks', Int8Array, [scales.length, dimensions]),
    scales,
    shapes: tensorOf(checkpoint, 'landmark_shapes', Float32Array, [scales.length, STATISTICS]),
    shapeWidth: numberOption(checkpoint, 'shapeWidth'),
  })
}

async function createFeatures(parts: Parts): Promise<PromptFeatures> {
  const { embedder, centre, wordingCentre, statistics, codes, scales, shapes, shapeWidth } = parts
  const landmarks = scales.length
  const width = landmarks + WORDING_DIMENSIONS + STATISTICS
  const wording = await createHashing({ dimensions: WORDING_DIMENSIONS })
  const scan = createScan({ codes, scales, width: embedder.dimensions })
  const cosines = new Float32Array(SCAN_QUERIES * landmarks)
  return {
    width,
    landmarks,
    async rows(prompts) {
      const rows = new Float32Array(prompts.length * width)
      const meanings = centred(await embedder.embed(prompts), centre)
      const wordings = centred(await wording.embed(prompts), wordingCentre)
      for (let start = 0; start < prompts.length; start += SCAN_QUERIES) {
        const end = Math.min(prompts.length, start + SCAN_QUERIES)
        scan(meanings.subarray(start * embedder.dimensions, end * embedder.dimensions), cosines)
        for (let i = start; i < end; i++) {
          const row = rows.subarray(i * width, (i + 1) * width)
          const shape = shapeOf(prompts[i]!, statistics)
          fillKernel(row, cosines.subarray((i - start) * landmarks, (i - start + 1) * landmarks), shape)
          row.set(wordings.subarray(i * WORDING_DIMENSIONS, (i + 1) * WORDING_DIMENSIONS), landmarks)
          row.set(shape, landmarks + WORDING_DIMENSIONS)
        }
      }
      return rows
    },
    kernel,
  }

  function kernel(): Float64Array {
    const matrix = new Float64Array(landmarks * landmarks)
    const row = new Float32Array(landmarks)
    for (let i = 0; i < landmarks; i++) {
      const meaning = codes.subarray(i * embedder.dimensions, (i + 1) * embedder.dimensions)
      scan(
        Float32Array.from(meaning, code => code * scales[i]!),
        cosines,
      )
      fillKernel(row, cosines, shapes.subarray(i * STATISTICS, (i + 1) * STATISTICS))
      matrix.set(row, i * landmarks)
    }
    return matrix
  }

  /** exp((cosine − 1) / width of meaning) + exp(−‖difference of statistics‖² / (2 · width of shape)). */
  function fillKernel(row: Float32Array, near: Float32Array, shape: Float32Array) {
    const scale = -1 / (2 * shapeWidth)
    for (let k = 0; k < landmarks; k++) {
      let distance = 0
      for (let j = 0, at = k * STATISTICS; j < STATISTICS; j++, at++) {
        const difference = shape[j]! - shapes[at]!
        distance += difference * difference
      }
      row[k] = Math.exp((near[k]! - 1) / MEANING_WIDTH) + Math.exp(distance * scale)
    }
  }
}

/** Rows less their common centre, at unit length. */
function centred(rows: Float32Array, centre: Float32Array): Float32Array {
  const width = centre.length
  for (let start = 0; start < rows.length; start += width) {
    for (let j = 0; j < width; j++) rows[start + j]! -= centre[j]!
    normalize(rows.subarray(start, start + width))
  }
  return rows
}

function shapeOf(prompt: string, statistics: Float64Array): Float32Array {
  return Float32Array.from(promptStatistics(prompt), (value, j) =>
    standardised(value, statistics[j * 2]!, statistics[j * 2 + 1]!),
  )
}
