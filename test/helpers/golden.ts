import { readFileSync } from 'node:fs'

/** The cases of test/golden/<name>.json, which make.py beside it wrote. */
export function readGolden<Case>(name: string): Case[] {
  return JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), 'utf8')) as Case[]
}

/** What model_a earned, by LMSYS's word for the winner. */
export const scoreOf: Readonly<Record<string, number>> = { model_a: 1, tie: 0.5, model_b: 0 }

/** A case of test/golden/sw_ranking.json. */
export interface SwRankingCase {
  readonly name: string
  readonly models: number
  /** Number of tiers. */
  readonly count: number
  readonly dim: number
  readonly a: number[]
  readonly b: number[]
  readonly winner: string[]
  readonly embeddings: number[]
  readonly tiers: number[]
  readonly strong: number
  readonly weak: number
  /** Number of battles within a tier. */
  readonly sameTier: number
  readonly queries: { readonly e: number[]; readonly winRate: number; readonly routellm: number }[]
  readonly unweighted: number
}

/** A case of test/golden/mf.json. */
export interface MfCase {
  readonly hidden: number
  readonly dim: number
  readonly P: number[]
  readonly W: number[]
  readonly w: number[]
  readonly queries: { readonly e: number[]; readonly strong: number; readonly weak: number; readonly winRate: number }[]
}
