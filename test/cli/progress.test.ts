import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { createProgress } from '../../src/cli/output/progress.ts'

const isTTY = process.stderr.isTTY
afterEach(() => {
  vi.restoreAllMocks()
  process.stderr.isTTY = isTTY
})

const drawnWith = async (isTerminal: boolean, total: number | undefined) => {
  process.stderr.isTTY = isTerminal
  const parts: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation(part => {
    parts.push(String(part))
    return true
  })
  const progress = createProgress('routing', total)
  for (let tries = 0; tries < 100 && !parts.join('').includes('5 rows'); tries++) {
    await sleep(isTerminal ? 50 : 1)
    progress.update(5, '5 rows, 2 rows/s')
  }
  progress.stop()
  return parts.join('')
}

test('a terminal gets a bar with the share done, the time left and the rate', async () => {
  const drawn = await drawnWith(true, 10)
  expect(drawn).toMatch(/routing .*50 % \| .+ left \| 5 rows, 2 rows\/s/)
})

test('without a total only what is done is shown', async () => {
  const drawn = await drawnWith(true, undefined)
  expect(drawn).toContain('routing 5 rows, 2 rows/s')
  expect(drawn).not.toContain('%')
})

test('nothing is drawn where nobody watches', async () => {
  expect(await drawnWith(false, 10)).toBe('')
})
