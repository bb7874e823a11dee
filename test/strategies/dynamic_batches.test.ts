import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withDynamicBatches } from '../../src/strategies/dynamic_batches.ts'

/** A strategy that notes what it is asked about; prompts that are numbers have that win rate, others are refused. */
function noting() {
  const asked: string[][] = []
  const strategy = withDynamicBatches({
    async winRate(prompts) {
      asked.push([...prompts])
      const winRates = Float64Array.from(prompts, Number)
      if (winRates.some(Number.isNaN)) throw new Error(`no number among ${prompts.join(', ')}`)
      return winRates
    },
  })
  return { asked, strategy }
}

/** The same after a turn in which two prompts came. */
async function busy() {
  const { asked, strategy } = noting()
  await Promise.all([strategy.winRate(['0']), strategy.winRate(['1']), turn()])
  asked.length = 0
  return { asked, strategy }
}

const one = (winRates: Float64Array) => {
  expect(winRates).toHaveLength(1)
  return winRates[0]
}

test('under load prompts asked about one by one in a turn of the event loop are one batch, and each gets its own', async () => {
  const { asked, strategy } = await busy()
  const prompts = ['0.1', '0.7', '0.3']
  const answers = prompts.map(prompt => strategy.winRate([prompt]))
  expect((await Promise.all(answers)).map(one)).toEqual([0.1, 0.7, 0.3])
  expect(asked).toEqual([prompts])
})

test('so are those that arrive by themselves, and of more than 32 no batch is longer', async () => {
  const { asked, strategy } = await busy()
  const prompts = Array.from({ length: 70 }, (_, i) => String(i / 100))
  const answers = await Promise.all(prompts.map(async prompt => one(await strategy.winRate([await prompt]))))
  expect(answers).toEqual(prompts.map(Number))
  expect(asked.map(({ length }) => length)).toEqual([32, 32, 6])
})

test('where prompts come alone none waits for others, from the turn after one that came alone', async () => {
  const { asked, strategy } = await busy()
  expect(one(await strategy.winRate(['0.5']))).toBe(0.5)
  const answers = [strategy.winRate(['0.6']), strategy.winRate(['0.7'])]
  expect(asked).toEqual([['0.5'], ['0.6'], ['0.7']])
  expect((await Promise.all(answers)).map(one)).toEqual([0.6, 0.7])
})

test('a prompt that is refused is refused alone', async () => {
  const { strategy } = await busy()
  const answers = await Promise.allSettled(['0.1', 'bad', '0.3'].map(prompt => strategy.winRate([prompt])))
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect((answers[1] as PromiseRejectedResult).reason.message).toBe('no number among bad')
})

test('a list is a batch as it is, and waits for no other', async () => {
  const { asked, strategy } = await busy()
  const alone = strategy.winRate(['0.9'])
  expect(await strategy.winRate(['0.1', '0.2'])).toEqual(Float64Array.of(0.1, 0.2))
  expect(await strategy.winRate([])).toEqual(new Float64Array())
  expect(one(await alone)).toBe(0.9)
  expect(asked).toEqual([['0.1', '0.2'], [], ['0.9']])
})
