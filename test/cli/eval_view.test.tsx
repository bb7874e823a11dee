import { setTimeout } from 'node:timers/promises'
import { render } from 'ink-testing-library'
import { expect, test } from 'vitest'
import { EvalView } from '../../src/cli/live/eval_view.tsx'
import { createColors } from '../../src/cli/output/color.ts'
import { renderEvalTable } from '../../src/cli/output/eval_table.ts'
import { createBenchmark } from '../../src/evaluation/benchmark.ts'

const strong = Float64Array.of(1, 1, 1, 0)
const weak = Float64Array.of(0, 1, 0, 1)
const benchmark = createBenchmark([{ strong, weak }], [[Float64Array.of(0.9, 0.1, 0.8, 0.2)]], {
  resamples: 10,
  seed: 0,
})
const colors = createColors({})

function table(...measured: readonly ReturnType<typeof benchmark.measure>[]): string {
  const lines = ['length', 'linear'].map(id => {
    const found = measured.find(measurement => measurement.id === id)
    return found ? { id, measured: found } : { id, pending: '…' }
  })
  return renderEvalTable(lines, colors, false)
}

test('the table fills in, and the bar with it', async () => {
  const head = 'data.csv: 4 prompts\n\n'
  const view = render(<EvalView head={head} table={table()} status="length" done={0} />)
  const frame = () => view.lastFrame()!.split('\n')
  expect(frame()[0]).toBe('data.csv: 4 prompts')
  expect(frame()[1]).toBe('')
  expect(frame()[4]).toMatch(/^length\s+…$/)
  expect(frame().at(-1)).toBe(`${'━'.repeat(24)} length`)

  view.rerender(<EvalView head={head} table={table(benchmark.length)} status="linear: fit 1 of 5" done={0.5} />)
  await setTimeout(50)
  expect(frame()[4]).toMatch(/^length\s+1\.\d{3} /)
  expect(frame()[5]).toMatch(/^linear\s+…$/)
  expect(frame().at(-1)).toContain('linear: fit 1 of 5')

  view.rerender(
    <EvalView head={head} table={table(benchmark.length, benchmark.measure('linear', [[weak]]))} status="" done={1} />,
  )
  await setTimeout(50)
  expect(frame()[5]).toMatch(/^linear\s+[−-]?\d\.\d{3} /)
  view.unmount()
})
