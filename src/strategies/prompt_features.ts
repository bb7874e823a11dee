import { createKernel } from '../math/kernel_rows.ts'
import { createScan, quantizeRows } from '../math/quantized_rows.ts'
import { createUnitRow, type ToUnitRow } from '../math/unit_rows.ts'
import { meanRow } from '../math/vectors.ts'
import { fillStatistics, promptStatistics, standardised, statisticMoments, statisticNames } from '../text/statistics.ts'
import { createVocabulary, KEPT_WORDS, type Vocabulary } from '../text/vocabulary.ts'
import type { Checkpoint, Embedder, Tensor } from '../types.ts'
import { numberOption, tensorOf } from './checkpoint_parts.ts'
import { createWording, WORDING_DIMENSIONS } from './wording.ts'

const STATISTICS = statisticNames.length

/** What a prompt means, how it is worded and what it looks like, as numbers that a linear model can weigh. */
export interface PromptFeatures {
  /** Landmarks, then hashed wording, then statistics. */
  readonly width: number
  readonly landmarks: number
  /** Calls `use` with the numbers of each prompt, the same memory every time, and its index. The vocabulary has just read it. */
  visit(prompts: readonly string[], use: (row: Float32Array, index: number) => void): Promise<void>
  /** The kernel between each two landmarks, row-major landmarks × landmarks. */
  kernel(): Float64Array
}

/** What the features are made from, as stored in a checkpoint. */
interface Parts {
  readonly embedder: Embedder
  readonly vocabulary: Vocabulary
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
  const centre = Float32Array.from(meanRow(await embedder.embed(prompts), dimensions))
  const wordingCentre = Float32Array.from(meanRow(wordingsOf(prompts), WORDING_DIMENSIONS))
  const { means, deviations } = statisticMoments(prompts.map(promptStatistics))
  const statistics = Float64Array.from(means.flatMap((mean, j) => [mean, deviations[j]!]))
  const landmarks = Array.from(chosen, row => prompts[row]!)
  const meanings = centred(await embedder.embed(landmarks), createUnitRow(centre), dimensions)
  const { codes, scales } = quantizeRows(meanings, dimensions)
  const shapes = new Float32Array(landmarks.length * STATISTICS)
  for (const [i, prompt] of landmarks.entries()) {
    fillShape(prompt, statistics, shapes.subarray(i * STATISTICS, (i + 1) * STATISTICS))
  }
  const parts = {
    embedder,
    vocabulary: createVocabulary(KEPT_WORDS),
    centre,
    wordingCentre,
    statistics,
    codes,
    scales,
    shapes,
    shapeWidth,
  }
  return {
    features: createFeatures(parts),
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

/** The features a checkpoint was fitted on, of prompts that `vocabulary` reads. Throws DataError where its tensors do not fit. */
export function readPromptFeatures(checkpoint: Checkpoint, embedder: Embedder, vocabulary: Vocabulary): PromptFeatures {
  const { dimensions } = embedder
  const scales = tensorOf(checkpoint, 'landmark_scales', Float32Array, [undefined])
  return createFeatures({
    embedder,
    vocabulary,
    centre: tensorOf(checkpoint, 'centre', Float32Array, [dimensions]),
    wordingCentre: tensorOf(checkpoint, 'wording_centre', Float32Array, [WORDING_DIMENSIONS]),
    statistics: tensorOf(checkpoint, 'statistics', Float64Array, [STATISTICS, 2]),
    codes: tensorOf(checkpoint, 'landmarks', Int8Array, [scales.length, dimensions]),
    scales,
    shapes: tensorOf(checkpoint, 'landmark_shapes', Float32Array, [scales.length, STATISTICS]),
    shapeWidth: numberOption(checkpoint, 'shapeWidth'),
  })
}

function createFeatures(parts: Parts): PromptFeatures {
  const { embedder, vocabulary, centre, wordingCentre, statistics, codes, scales, shapes, shapeWidth } = parts
  const landmarks = scales.length
  const width = landmarks + WORDING_DIMENSIONS + STATISTICS
  const centreMeaning = createUnitRow(centre)
  const centreWording = createUnitRow(wordingCentre)
  const fillWording = createWording(vocabulary)
  const row = new Float32Array(width)
  const wording = row.subarray(landmarks, landmarks + WORDING_DIMENSIONS)
  const shape = row.subarray(landmarks + WORDING_DIMENSIONS)
  const scan = createScan({ codes, scales, width: embedder.dimensions })
  const fillKernel = createKernel(shapes, landmarks, shapeWidth)
  return {
    width,
    landmarks,
    async visit(prompts, use) {
      const { dimensions } = embedder
      const meanings = centred(await embedder.embed(prompts), centreMeaning, dimensions)
      scan(meanings, (i, cosines) => {
        fillShape(prompts[i]!, statistics, shape)
        fillKernel(cosines, shape, row)
        vocabulary.read(prompts[i]!)
        fillWording(wording)
        centreWording(wording, 0, wording, 0)
        use(row, i)
      })
    },
    kernel,
  }

  function kernel(): Float64Array {
    const matrix = new Float64Array(landmarks * landmarks)
    const row = new Float32Array(landmarks)
    for (let i = 0; i < landmarks; i++) {
      const meaning = codes.subarray(i * embedder.dimensions, (i + 1) * embedder.dimensions)
      const own = Float32Array.from(meaning, code => code * scales[i]!)
      scan(own, (_, cosines) => fillKernel(cosines, shapes.subarray(i * STATISTICS, (i + 1) * STATISTICS), row))
      matrix.set(row, i * landmarks)
    }
    return matrix
  }
}

function wordingsOf(prompts: readonly string[]): Float32Array {
  const vocabulary = createVocabulary(KEPT_WORDS)
  const fill = createWording(vocabulary)
  const rows = new Float32Array(prompts.length * WORDING_DIMENSIONS)
  for (const [i, prompt] of prompts.entries()) {
    vocabulary.read(prompt)
    fill(rows.subarray(i * WORDING_DIMENSIONS, (i + 1) * WORDING_DIMENSIONS))
  }
  return rows
}

/** Rows of a row-major matrix, each centred in place. */
function centred(rows: Float32Array, toUnit: ToUnitRow, width: number): Float32Array {
  for (let start = 0; start < rows.length; start += width) toUnit(rows, start, rows, start)
  return rows
}

function fillShape(prompt: string, statistics: Float64Array, shape: Float32Array): void {
  fillStatistics(prompt, counted)
  for (let j = 0; j < STATISTICS; j++) shape[j] = standardised(counted[j]!, statistics[j * 2]!, statistics[j * 2 + 1]!)
}

const counted = new Float64Array(STATISTICS)
