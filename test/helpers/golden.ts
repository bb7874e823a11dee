import { readFileSync } from 'node:fs'

/** The cases of test/golden/<name>.json, which make.py beside it wrote. */
export function readGolden<Case>(name: string): Case[] {
  return JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), 'utf8')) as Case[]
}

/** What model_a earned, by LMSYS's word for the winner. */
export const scoreOf: Readonly<Record<string, number>> = { model_a: 1, tie: 0.5, model_b: 0 }
