import { hash32, mix32 } from '../text/hash.ts'
import type { Model } from '../types.ts'
import { weightOf } from './single_decision.ts'

/** A ring of 2^32 places on which every model has many points; a key belongs to the model whose point comes next. */
export interface HashRing {
  /** In the order of their ids, so that the ring does not depend on the order of the pool. */
  readonly models: readonly Model[]
  /** Ascending. */
  readonly points: Uint32Array
  /** Index into `models`, one per point. */
  readonly owners: Uint16Array
  /** The index of the first point at or after the key's place. */
  placeOf(key: string): number
}

/** Points of a virtual node, as in ketama (R. Jones, Last.fm, 2007): a fourth of the points would balance half as well. */
const POINTS_OF_NODE = 4
/** Weights above this are scaled down, all alike, so that the ring stays small. */
const LARGEST_WEIGHT = 10
const KEY_SEED = 0x51ed270b

/**
 * Consistent hashing (Karger et al. 1997). Points depend on nothing but the model's id and weight, so a model that joins takes keys
 * from all and moves no others, and one that leaves gives its own to all.
 * @param virtualNodes of a model of weight 1.
 */
export function createHashRing(models: readonly Model[], virtualNodes: number): HashRing {
  const ordered = models.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const unit = Math.max(1, Math.max(...ordered.map(weightOf)) / LARGEST_WEIGHT)
  const packed = Float64Array.from(
    ordered.flatMap((model, owner) => {
      const nodes = Math.max(1, Math.round((virtualNodes * weightOf(model)) / unit))
      // 32 bits of point and 16 of owner fit a double, and sort together.
      return Array.from({ length: nodes * POINTS_OF_NODE }, (_, i) => pointOf(model.id, i) * 65_536 + owner)
    }),
  ).sort()
  const points = Uint32Array.from(packed, value => Math.floor(value / 65_536))
  return {
    models: ordered,
    points,
    owners: Uint16Array.from(packed, value => value % 65_536),
    placeOf: key => firstAtOrAfter(points, hash32(key, KEY_SEED)),
  }
}

function pointOf(id: string, i: number): number {
  const node = hash32(`${id}\0${Math.floor(i / POINTS_OF_NODE)}`)
  return mix32((node + Math.imul(i % POINTS_OF_NODE, 0x9e3779b9)) >>> 0)
}

function firstAtOrAfter(points: Uint32Array, hash: number): number {
  let first = 0
  let last = points.length
  while (first < last) {
    const middle = (first + last) >> 1
    if (points[middle]! < hash) first = middle + 1
    else last = middle
  }
  return first === points.length ? 0 : first
}
