import { access } from 'node:fs/promises'
import { DataError } from '../errors.ts'
import type { LoggedDecision } from '../routing/logged_decision.ts'
import { checked, v } from '../schema.ts'
import { unreadable } from './file_errors.ts'
import { readLines } from './ledger_lines.ts'

/** A decision log, read. */
export interface ReadLog {
  readonly decisions: readonly LoggedDecision[]
  /** Lines that are no decisions: half ones that a full disk left, or of something else. */
  readonly skipped: number
}

/** What a line must have to be replayed; everything else of it is kept as it is. */
const record = v.looseObject({
  time: v.string(),
  id: v.string(),
  promptHash: v.string(),
  model: v.string(),
  models: v.pipe(v.array(v.string()), v.minLength(1)),
  plan: v.picklist(['single', 'all', 'until_accepted']),
  policy: v.string(),
  inputTokens: v.optional(v.number()),
  winRate: v.optional(v.number()),
  prompt: v.optional(v.string()),
  alternatives: v.optional(v.array(v.looseObject({ model: v.string() }))),
  answer: v.optional(v.looseObject({ model: v.string() })),
})

/**
 * Reads the whole lines of a decision log.
 * @throws DataError where the file cannot be read or holds no decision.
 */
export async function readDecisionLog(file: string): Promise<ReadLog> {
  try {
    await access(file)
  } catch (error) {
    throw unreadable(file, error)
  }
  const decisions: LoggedDecision[] = []
  let skipped = 0
  for await (const { bytes } of readLines(file)) {
    if (bytes.length === 0) continue
    const decision = decisionOf(bytes.toString('utf8'))
    if (decision) decisions.push(decision)
    else skipped++
  }
  if (decisions.length > 0) return { decisions, skipped }
  throw new DataError(
    file,
    undefined,
    `expected decisions that route or batch --log has written, got ${skipped === 0 ? 'none' : `${skipped} lines of something else`}.`,
  )
}

function decisionOf(line: string): LoggedDecision | undefined {
  try {
    return checked(record, JSON.parse(line), '') as unknown as LoggedDecision
  } catch {
    return undefined
  }
}
