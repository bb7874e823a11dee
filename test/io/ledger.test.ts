import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Ledger, openLedger } from '../../src/io/ledger.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const settings = { threshold: '0.5', system: null }
const open = (name: string, isResumed: boolean, more = {}): Promise<Ledger> =>
  openLedger(join(folder.path, name), { input: 'abc', settings, isResumed, slotOf: ({ row }) => row, ...more })
const linesOf = (name: string) => readFileSync(join(folder.path, name), 'utf8').split('\n')

test('what a run leaves is there for the next: answers, failures, those under way, dollars', async () => {
  const ledger = await open('a.jsonl', false)
  expect(ledger.earlier).toBeUndefined()
  await Promise.all([1, 2, 3, 4].map(row => ledger.append({ row, status: 'sent' })))
  await ledger.append({ row: 2, status: 'answered', model: 'big', cost: 0.5, answer: 'zwei ✓' })
  await ledger.append({ row: 1, status: 'answered', model: 'big', cost: 0.25, answer: 'one' })
  await ledger.append({ row: 4, status: 'failed', reason: 'no' })
  await ledger.close()
  const next = await open('a.jsonl', true)
  expect(next.earlier).toEqual({
    ...{ answered: 2, failed: 1, inFlight: [3], cost: 0.75, isFinished: false },
    dearest: new Map([['big', 0.5]]),
  })
  expect(await next.answered(2)).toMatchObject({ row: 2, answer: 'zwei ✓' })
  expect(await next.answered(1)).toMatchObject({ row: 1, answer: 'one' })
  expect([await next.answered(3), await next.answered(4), await next.answered(99)]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  await next.append({ row: 4, status: 'answered', answer: 'four' })
  await next.finish()
  await next.close()
  const last = await open('a.jsonl', true)
  expect(last.earlier).toMatchObject({ answered: 3, failed: 0, inFlight: [3], isFinished: true })
  expect(await last.answered(4)).toMatchObject({ answer: 'four' })
  await last.close()
})

test('a last line that a kill has cut is taken off', async () => {
  const ledger = await open('torn.jsonl', false)
  await ledger.append({ row: 1, status: 'answered', answer: 'one' })
  await ledger.close()
  appendFileSync(join(folder.path, 'torn.jsonl'), '{"row":2,"status":"answ')
  const next = await open('torn.jsonl', true)
  await next.append({ row: 2, status: 'answered', answer: 'two' })
  await next.close()
  expect(linesOf('torn.jsonl')).toEqual([
    expect.stringContaining('"version":1'),
    '{"row":1,"status":"answered","answer":"one"}',
    '{"row":2,"status":"answered","answer":"two"}',
    '',
  ])
})

test('many lines at once keep their order', async () => {
  const ledger = await open('many.jsonl', false)
  await Promise.all(Array.from({ length: 3000 }, (_, row) => ledger.append({ row, status: 'sent' })))
  await ledger.close()
  expect(
    linesOf('many.jsonl')
      .slice(1, -1)
      .map(line => JSON.parse(line).row),
  ).toEqual(Array.from({ length: 3000 }, (_, i) => i))
})

test('without isResumed it begins anew; of another input, with other settings or as another file it is refused', async () => {
  const ledger = await open('b.jsonl', false)
  await ledger.append({ row: 1, status: 'sent' })
  await ledger.close()
  const advice = 'Leave out --resume to start anew.'
  await expect(open('b.jsonl', true, { input: 'xyz' })).rejects.toThrow(
    `--resume: expected the same input as the one with which ${join(folder.path, 'b.jsonl')} was begun. ${advice}`,
  )
  await expect(open('b.jsonl', true, { settings: { ...settings, system: 'x' } })).rejects.toThrow(
    `--resume: expected system not set, got x: the options with which`,
  )
  await (await open('b.jsonl', false)).close()
  expect(linesOf('b.jsonl')).toHaveLength(2)
  writeFileSync(join(folder.path, 'c.jsonl'), 'not a ledger\n')
  await expect(open('c.jsonl', true)).rejects.toThrow(
    `${join(folder.path, 'c.jsonl')}:1: expected a line of a ledger, got something else. ${advice}`,
  )
  const none = await open('d.jsonl', true)
  expect(none.earlier).toBeUndefined()
  await none.close()
})

test('one that had answers and no end is set aside, not overwritten', async () => {
  const run = async (isFinished: boolean) => {
    const ledger = await open('e.jsonl', false)
    await ledger.append({ row: 1, status: 'answered', answer: 'paid for' })
    if (isFinished) await ledger.finish()
    await ledger.close()
    return ledger.setAside
  }
  const old = join(folder.path, 'e.jsonl.old')
  expect([await run(false), await run(true), await run(true)]).toEqual([undefined, old, undefined])
  expect(readFileSync(old, 'utf8')).toContain('paid for')
})
