import type { CallBatchOptions } from '../io/call_batch.ts'
import { decidedRows } from '../io/decided_rows.ts'
import type { Router } from '../io/router.ts'
import type { PlanParts } from '../upstream/plan_types.ts'
import { writeOut } from './batch_process.ts'
import { predictDecision } from './call_parts.ts'
import { dryRequests } from './dry_run.ts'
import { toJson } from './output/json.ts'
import { dollars, grouped } from './output/numbers.ts'

/** `batch --call --dry-run`: prints a line of JSON per row with what would be sent where; calls and writes nothing. */
export async function dryRunBatch(options: CallBatchOptions, router: Router, parts: PlanParts): Promise<void> {
  const byModel = new Map<string, number>()
  let [rows, rejected, cost]: [number, number, number | undefined] = [0, 0, 0]
  for await (const row of decidedRows(options, router)) {
    if ('rejected' in row) {
      rejected++
      await writeOut(Buffer.from(toJson(row)))
      continue
    }
    const { line, decision, body } = row
    rows++
    byModel.set(decision.model, (byModel.get(decision.model) ?? 0) + 1)
    const predicted = predictDecision(decision, body, parts)
    cost = cost === undefined || predicted.cost === undefined || predicted.isGuess ? undefined : cost + predicted.cost
    const { model, models, plan } = decision
    await writeOut(
      Buffer.from(toJson({ line, model, models, plan, requests: dryRequests(decision, body, parts, false) })),
    )
  }
  const shares = [...byModel].map(([model, count]) => `${grouped(count)} to ${model}`)
  const bad = rejected > 0 ? `, ${grouped(rejected)} rejected` : ''
  const expected =
    cost === undefined
      ? 'What they would cost is not known: that takes prices and mean lengths of answers (output_tokens) in llmroute.yaml.'
      : `They would cost about ${dollars(cost)}.`
  process.stderr.write(`batch: ${grouped(rows)} rows, ${shares.join(', ')}${bad}. ${expected} Nothing was sent.\n`)
}
