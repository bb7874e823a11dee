import { describe, expect, test } from 'vitest'
import { createRandom } from '../../src/math/random.ts'
import { create } from '../../src/policies/adaptive.ts'
import { createStatistics } from '../../src/routing/statistics.ts'
import { countsOf, modelsOf, partsOf, poolOf, requestsOf } from '../helpers/policy_parts.ts'

/** What a model does: mean milliseconds, share of errors. */
type Behaviour = readonly [latency: number, errors?: number]

interface Simulation {
  readonly models: readonly string[]
  /** Behaviour of each model in each phase. */
  readonly phases: readonly (readonly Behaviour[])[]
  /** Requests of a phase. */
  readonly requests: number
  /** Milliseconds between requests. */
  readonly every: number
  readonly seed: number
  readonly options?: object
}

/** Decides requests one by one while answers come back late, on a simulated clock; gives the chosen models of each phase. */
async function simulate({ models, phases, requests, every, seed, options }: Simulation): Promise<string[][]> {
  let time = 0
  const random = createRandom(seed * 7919)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const statistics = createStatistics({ now: () => time })
  const pool = { ...poolOf(models), statistics }
  const policy = create(partsOf(pool, options, { seed, now: () => time }))
  let running: { due: number; finish: () => void }[] = []
  const chosen: string[][] = []
  for (const phase of phases) {
    const taken: string[] = []
    for (let i = 0; i < requests; i++) {
      time += every
      for (const { due, finish } of running) if (due <= time) finish()
      running = running.filter(({ due }) => due > time)
      const [model] = (await modelsOf(policy, requestsOf(1), pool)) as [string]
      taken.push(model)
      statistics.start(model)
      const [mean, errors = 0] = phase[models.indexOf(model)]!
      const latency = mean * Math.exp(0.4 * normal() - 0.08)
      const finish = random() < errors ? () => statistics.fail(model) : () => statistics.succeed(model, { latency })
      running.push({ due: time + latency, finish })
    }
    chosen.push(taken)
  }
  return chosen
}

const shareOf = (id: string, chosen: readonly string[]) => chosen.filter(other => other === id).length / chosen.length

describe('a shift and a recovery: within 500 requests, at least 80 % are on the better model', () => {
  const a = 'a'
  const b = 'b'
  test.each<[string, Omit<Simulation, 'seed' | 'requests'>, { isFast?: boolean }?]>([
    [
      'latency',
      {
        models: [a, b],
        every: 100,
        phases: [
          [[100], [300]],
          [[1_000], [300]],
          [[100], [300]],
        ],
      },
      { isFast: true },
    ],
    [
      'an outage',
      {
        models: [a, b],
        every: 100,
        phases: [
          [[100], [300]],
          [[100, 1], [300]],
          [[100], [300]],
        ],
      },
      { isFast: true },
    ],
    [
      'half as slow again',
      {
        models: [a, b],
        every: 100,
        phases: [
          [[200], [300]],
          [[450], [300]],
          [[200], [300]],
        ],
      },
    ],
    [
      'errors',
      {
        models: [a, b],
        every: 100,
        phases: [
          [[150], [220]],
          [[150, 0.4], [220]],
          [[150], [220]],
        ],
      },
    ],
    [
      'hundreds in flight',
      {
        models: [a, b],
        every: 5,
        phases: [
          [[100], [300]],
          [[1_000], [300]],
          [[100], [300]],
        ],
      },
    ],
    [
      'a request a minute',
      {
        models: [a, b],
        every: 60_000,
        phases: [
          [[100], [300]],
          [[1_000], [300]],
          [[100], [300]],
        ],
      },
    ],
    [
      'one of five',
      {
        models: [a, b, 'c', 'd', 'e'],
        every: 50,
        phases: [
          [[100], [300], [900], [900], [900]],
          [[2_000], [300], [900], [900], [900]],
          [[100], [300], [900], [900], [900]],
        ],
      },
    ],
  ])('%s', async (_, simulation, { isFast = false } = {}) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const [before, shifted, recovered] = await simulate({ ...simulation, requests: 1_500, seed })
      for (const [id, chosen] of [
        [a, before!],
        [b, shifted!],
        [a, recovered!],
      ] as const) {
        expect(shareOf(id, chosen.slice(500)), `${id}, seed ${seed}`).toBeGreaterThanOrEqual(0.8)
        // A change so plain is seen so soon that those 500 requests are as good themselves.
        if (isFast) expect(shareOf(id, chosen.slice(0, 500)), `${id} at once, seed ${seed}`).toBeGreaterThanOrEqual(0.8)
      }
    }
  })
})

describe('shares', () => {
  const of = (
    measured: Readonly<Record<string, readonly [latency: number, errors: number]>>,
    weights?: Readonly<Record<string, number>>,
  ) => {
    const statistics = createStatistics({ now: () => 0 })
    for (const [id, [latency, errors]] of Object.entries(measured)) {
      for (let i = 0; i < 10; i++) {
        if (i < errors * 10) statistics.fail(id)
        else statistics.succeed(id, { latency })
      }
    }
    return { ...poolOf(weights ?? Object.keys(measured)), statistics }
  }
  const counted = async (pool: ReturnType<typeof of>, options?: object) =>
    countsOf(await modelsOf(create(partsOf(pool, options)), requestsOf(10_000), pool))

  test('are as speed to the power of sharpness, times weight', async () => {
    const speed = await counted(of({ a: [100, 0], b: [200, 0] }), { exploration: 0, sharpness: 2 })
    expect(Math.abs(speed.a! / 10_000 - 0.8)).toBeLessThan(0.015)
    const weight = await counted(of({ a: [100, 0], b: [200, 0] }, { a: 1, b: 4 }), { exploration: 0, sharpness: 2 })
    expect(Math.abs(weight.a! / 10_000 - 0.5)).toBeLessThan(0.015)
  })

  test('a share of errors counts as time: 20 % as almost twice as slow', async () => {
    const counts = await counted(of({ a: [100, 0.2], b: [195.3, 0] }), { exploration: 0, sharpness: 4 })
    expect(Math.abs(counts.a! / 10_000 - 0.5)).toBeLessThan(0.015)
  })

  test('exploration goes to who has waited longest', async () => {
    const counts = await counted(of({ a: [100, 0], b: [100_000, 0], c: [100_000, 0] }), { exploration: 0.2 })
    expect(counts.b! + counts.c!).toBeGreaterThan(1_800)
    expect(counts.b! + counts.c!).toBeLessThan(2_200)
    expect(Math.abs(counts.b! - counts.c!)).toBeLessThanOrEqual(2)
  })

  test('where nothing ever answered, and without statistics, they are by weight; what is not known comes first', async () => {
    const pool = poolOf({ a: 3, b: 1 })
    expect((await modelsOf(create(partsOf(pool)), requestsOf(2), pool)).sort()).toEqual(['a', 'b'])
    for (const at of [pool, of({ a: [1, 1], b: [1, 1] }, { a: 3, b: 1 })]) {
      const chosen = await modelsOf(create(partsOf(at, { exploration: 0 })), requestsOf(10_000), at)
      expect(Math.abs(countsOf(chosen).a! / 10_000 - 0.75)).toBeLessThan(0.02)
    }
    const known = of({ a: [100, 0], b: [300, 0] }, { a: 1, b: 1, fresh: 1 })
    expect(await modelsOf(create(partsOf(known, { exploration: 0 })), requestsOf(3), known)).toEqual([
      'fresh',
      'a',
      'a',
    ])
  })

  test('same seed, clock and requests: same decisions, with the reason of each', async () => {
    const pool = of({ a: [100, 0], b: [120, 0] })
    const decide = (seed: number) => create(partsOf(pool, undefined, { seed })).decide(requestsOf(200), pool)
    const decisions = await decide(4)
    expect(await decide(4)).toEqual(decisions)
    expect(await decide(5)).not.toEqual(decisions)
    const names = new Set(decisions.map(decision => decision!.reasons![0]!.name))
    expect(names).toEqual(new Set(['share by latency and errors', 'tried, since it has waited longest']))
  })
})

test('options that do not fit are refused', () => {
  const pool = poolOf(['a'])
  expect(() => create(partsOf(pool, { exploration: 2 }))).toThrow('policy adaptive: exploration: expected <=1, got 2.')
})
