/** A random forest of regression trees, its nodes end to end. Arrays have one entry per node. */
export interface Forest {
  /** The node each tree starts at. */
  readonly roots: Int32Array
  /** The feature a node asks about; 65535 in a leaf. */
  readonly features: Uint16Array
  /** To the left child where the feature's value is at most this, else to the right one, which stands behind it. */
  readonly thresholds: Float32Array
  /** The left child. */
  readonly children: Int32Array
  /** Mean target of the training rows that came by. */
  readonly values: Float32Array
}

export const LEAF = 65535

/** The mean over the trees of the leaf that a row of features falls into. */
export function predictForest(forest: Forest, row: Float32Array): number {
  const { roots, features, thresholds, children, values } = forest
  let sum = 0
  for (let tree = 0; tree < roots.length; tree++) {
    let node = roots[tree]!
    for (let feature = features[node]!; feature !== LEAF; feature = features[node]!) {
      node = children[node]! + (row[feature]! <= thresholds[node]! ? 0 : 1)
    }
    sum += values[node]!
  }
  return sum / roots.length
}

/**
 * What each feature added to the prediction: the changes of the mean at the nodes that asked about it (Saabas 2014). With
 * the mean of the roots they sum to the prediction.
 */
export function forestContributions(forest: Forest, row: Float32Array): Float64Array {
  const { roots, features, thresholds, children, values } = forest
  const contributions = new Float64Array(row.length)
  for (const root of roots) {
    let node = root
    for (let feature = features[node]!; feature !== LEAF; feature = features[node]!) {
      const next = children[node]! + (row[feature]! <= thresholds[node]! ? 0 : 1)
      contributions[feature]! += (values[next]! - values[node]!) / roots.length
      node = next
    }
  }
  return contributions
}
