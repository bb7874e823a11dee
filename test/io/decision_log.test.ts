import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loggedHash, logLines, openDecisionLog } from '../../src/io/decision_log.ts'
import { readFeedback } from '../../src/io/feedback.ts'
import { readDecisionLog } from '../../src/io/read_decision_log.ts'
import type { Decision } from '../../src/types.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const DECISION: Decision = {
  model: 'b',
  models: ['b'],
  plan: 'single',
  policy: 'threshold',
  strategy: 'linear',
  winRate: 0.25,
  threshold: Number.POSITIVE_INFINITY,
  alternatives: [{ model: 'a' }],
}
const REQUEST = { prompt: 'a secret thing', key: 'user-1', user: 'ann', metadata: { team: 'x' }, priority: 'speed' }
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

test('a line holds the decision with time, id, hash, key and tokens, and no text', async () => {
  const line = await logLines([{ id: 'r1', request: REQUEST, decision: DECISION }], false, NOW)
  expect(line.endsWith('\n')).toBe(true)
  expect(JSON.parse(line)).toEqual({
    time: '2026-01-02T03:04:05.000Z',
    id: 'r1',
    promptHash: createHash('sha256').update('a secret thing').digest('hex').slice(0, 32),
    key: 'user-1',
    inputTokens: 10,
    ...DECISION,
    threshold: 'Infinity',
  })
  expect(line).not.toContain('secret')
  expect(line).not.toContain('ann')
})

test('with prompts the text and the other fields stand there, and an answer where one came', async () => {
  const answer = { model: 'b', outputTokens: 7, cost: 0.01 }
  const line = await logLines([{ id: 'r1', request: REQUEST, decision: DECISION, answer }], true, NOW)
  expect(JSON.parse(line)).toMatchObject({ ...REQUEST, promptHash: loggedHash('a secret thing'), answer })
})

test('several writers at once leave whole lines; the file is for its owner only', async () => {
  const file = join(folder.path, 'shared.jsonl')
  const logs = await Promise.all(
    Array.from({ length: 4 }, () => openDecisionLog(file, message => expect(message).toBe(''))),
  )
  const long = { ...REQUEST, prompt: 'x'.repeat(50_000) }
  await Promise.all(
    logs.map(async (log, writer) => {
      for (let i = 0; i < 25; i++) {
        await log.append(await logLines([{ id: `${writer}-${i}`, request: long, decision: DECISION }], true, NOW))
      }
      await log.close()
    }),
  )
  const { decisions, skipped } = await readDecisionLog(file)
  expect({ lines: decisions.length, skipped }).toEqual({ lines: 100, skipped: 0 })
  expect(new Set(decisions.map(({ id }) => id)).size).toBe(100)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a log that is moved or removed goes on under its name: at once where that is said, else within a second', async () => {
  const path = temporaryFolder().path
  const file = join(path, 'log.jsonl')
  const clock = { time: 0 }
  const told: string[] = []
  const log = await openDecisionLog(
    file,
    message => told.push(message),
    () => clock.time,
  )
  const lines = (name = 'log.jsonl') => readFileSync(join(path, name), 'utf8')
  await log.append('1\n')
  renameSync(file, `${file}.1`)
  await log.append('2\n')
  clock.time = 999
  await log.append('3\n')
  expect(lines('log.jsonl.1')).toBe('1\n2\n3\n')
  clock.time = 1000
  await log.append('4\n')
  expect(lines()).toBe('4\n')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  renameSync(file, `${file}.2`)
  log.lookAgain()
  await log.append('5\n')
  expect([lines(), lines('log.jsonl.2')]).toEqual(['5\n', '4\n'])
  rmSync(file)
  clock.time = 3000
  await log.append('6\n')
  expect([lines(), told]).toEqual(['6\n', []])
  // Where the name cannot be had the lines go on to the file that is open.
  renameSync(file, `${file}.3`)
  mkdirSync(file)
  clock.time = 4000
  await log.append('7\n')
  expect(lines('log.jsonl.3')).toBe('6\n7\n')
  await log.append('8\n')
  await log.close()
  expect(told).toEqual([
    `${file}: expected a place that can be written, got a directory. Decisions are made, but not all of them are logged.`,
  ])
})

test.skipIf(!existsSync('/dev/full'))('a full disk is told once', async () => {
  const told: string[] = []
  const log = await openDecisionLog('/dev/full', message => told.push(message))
  await log.append('{}\n')
  await log.append('{}\n')
  await log.close()
  expect(told).toEqual([
    '/dev/full: expected a place that can be written, got a full disk. Decisions are made, but not all of them are logged.',
  ])
})

test('half lines and other lines are counted and left out; a file of nothing else is refused', async () => {
  const line = await logLines([{ id: 'r1', request: REQUEST, decision: DECISION }], false, NOW)
  const file = folder.write('torn.jsonl', `${line.slice(0, 40)}\n${line}{"a":1}\n\n${line.slice(0, 30)}`)
  const { decisions, skipped } = await readDecisionLog(file)
  expect(decisions.map(({ id, threshold }) => [id, threshold])).toEqual([['r1', 'Infinity']])
  expect(skipped).toBe(2)
  const other = folder.write('other.jsonl', '{"a":1}\n')
  await expect(readDecisionLog(other)).rejects.toThrow(
    `${other}: expected decisions that route or batch --log has written, got 1 lines of something else.`,
  )
  await expect(readDecisionLog('/no/log')).rejects.toThrow(
    '/no/log: expected a file that can be read, got no such file.',
  )
})

test('feedback: the mean of several scores of one request; what is no score is refused with its line', async () => {
  const file = folder.write('feedback.csv', 'id,note,score\na,x,1\nb,y,0.5\na,z,0\n')
  expect(Object.fromEntries(await readFeedback(file))).toEqual({ a: 0.5, b: 0.5 })
  writeFileSync(file, 'id,score\na,1\nb,3\n')
  await expect(readFeedback(file)).rejects.toThrow(`${file}:3: expected score to be a number from 0 to 1, got "3".`)
  writeFileSync(file, 'id,rating\na,1\n')
  await expect(readFeedback(file)).rejects.toThrow(`${file}:1: expected columns id and score, got id, rating.`)
  expect(readFileSync(file, 'utf8')).toContain('rating')
})
