import type { Decision } from '../types.ts'
import { ADDED_COLUMNS, DELIMITERS, type Format, quoted } from './formats.ts'
import type { RequestHeader } from './request_header.ts'
import { decisionCells, jsonNumber } from './row_writer.ts'

/** What one model was asked for a row, in tokens and US dollars; null where a price is not known. */
export interface CallCost {
  readonly model: string
  readonly purpose: 'answer' | 'judge'
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cost: number | null
}

/** The answer to a row. Tokens, cost and retries are those of all calls that it took. */
export interface RowAnswer {
  /** The one whose text it is. */
  readonly model: string
  readonly text: string
  readonly inputTokens: number
  readonly outputTokens: number
  /** US dollars; null where a price is not known. */
  readonly cost: number | null
  /** Milliseconds. */
  readonly latency: number
  readonly retries: number
  readonly isCached: boolean
  /** How it came about where several models were asked. */
  readonly how?: string
  readonly calls: readonly CallCost[]
}

/** Columns (keys in JSONL) that `--call` adds behind those of routing, in this order. */
export const CALL_COLUMNS = [
  'llmroute_answer',
  'llmroute_input_tokens',
  'llmroute_output_tokens',
  'llmroute_cost',
  'llmroute_latency',
  'llmroute_retries',
] as const

/** The header line with the columns that routing and calling add. */
export function calledHeader({ text, lineEnd }: RequestHeader, format: 'csv' | 'tsv'): Buffer {
  return Buffer.from(`${[text, ...ADDED_COLUMNS, ...CALL_COLUMNS].join(DELIMITERS[format])}${lineEnd}`)
}

/**
 * What was decided and answered, as the cells or keys that are added to a row. The model is the one that answered. In plain
 * lines the answer is a JSON string, so that it stays on its line.
 */
export function calledCells(
  decision: Pick<Decision, 'winRate' | 'threshold'>,
  { model, text, inputTokens, outputTokens, cost, latency, retries }: RowAnswer,
  format: Format,
): string {
  const routed = decisionCells({ ...decision, model }, format)
  const numbers = [inputTokens, outputTokens, cost, Math.round(latency), retries]
  if (format === 'jsonl') {
    const values = [JSON.stringify(text), ...numbers.map(value => jsonNumber(value ?? undefined))]
    return `${routed}${CALL_COLUMNS.map((column, i) => `,"${column}":${values[i]}`).join('')}`
  }
  const delimiter = format === 'lines' ? '\t' : DELIMITERS[format]
  const answer = format === 'lines' ? JSON.stringify(text) : quoted(text, delimiter)
  return `${routed}${[answer, ...numbers.map(value => value ?? '')].map(cell => `${delimiter}${cell}`).join('')}`
}
