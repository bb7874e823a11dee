import { expect, test } from 'vitest'
import { ApiFailure } from '../../src/server/envelope.ts'
import { readName } from '../../src/server/wire_name.ts'

const names = { models: ['gpt-4o', 'router-x-1'], strategies: ['mf', 'sw_ranking'] }

function errorOf(name: unknown) {
  try {
    readName(name, names)
  } catch (error) {
    expect(error).toBeInstanceOf(ApiFailure)
    const { status, code, message } = (error as ApiFailure).error
    return { status, code, message }
  }
  throw new Error('expected an error')
}

test('names of routers carry strategy and threshold', () => {
  expect(readName('router-mf-0.11593', names)).toEqual({ kind: 'router', strategy: 'mf', threshold: 0.11593 })
  expect(readName('router-sw_ranking-1e-3', names)).toEqual({ kind: 'router', strategy: 'sw_ranking', threshold: 1e-3 })
  expect(readName('router-mf--1', names)).toEqual({ kind: 'router', strategy: 'mf', threshold: -1 })
  for (const [digits, threshold] of Object.entries({
    '1': 1,
    '.5': 0.5,
    '1.': 1,
    '+0.5': 0.5,
    '1E-3': 1e-3,
    '-0.5': -0.5,
  })) {
    expect(readName(`router-mf-${digits}`, names)).toMatchObject({ threshold })
  }
})

test('auto and the ids of models', () => {
  expect(readName('auto', names)).toEqual({ kind: 'auto' })
  expect(readName('gpt-4o', names)).toEqual({ kind: 'model', model: 'gpt-4o' })
  expect(readName('router-x-1', names)).toEqual({ kind: 'model', model: 'router-x-1' })
})

test('a name of nothing here is a 404 that lists what there is', () => {
  expect(errorOf('gpt-4')).toEqual({
    status: 404,
    code: 'model_not_found',
    message:
      'Unknown model "gpt-4". Did you mean "gpt-4o"? Available: auto, gpt-4o, router-x-1, router-mf-THRESHOLD, router-sw_ranking-THRESHOLD.',
  })
  for (const name of [
    'constructor',
    '__proto__',
    'router',
    'router-',
    'router-xx-0.5',
    'x'.repeat(1 << 20),
    `router-mf-0.${'1'.repeat(1 << 20)}`,
  ]) {
    expect(errorOf(name)).toMatchObject({ status: 404, code: 'model_not_found' })
    expect(errorOf(name).message.length).toBeLessThan(400)
  }
})

test('a threshold that is no number is a 400', () => {
  const others = ['0x10', '0b1', 'Infinity', '-Infinity', 'inf', '1e999', '1_0', '1 ', ' 1', '.', 'e5', '1e', '0.5-']
  for (const digits of ['abc', '', 'nan', ...others]) {
    expect(errorOf(`router-mf-${digits}`)).toEqual({
      status: 400,
      code: 'invalid_threshold',
      message: `model: expected a number as threshold of router-mf-THRESHOLD, got "${digits}". Write it in decimals, such as router-mf-0.5.`,
    })
  }
  expect(errorOf('router-mf')).toMatchObject({ status: 400, code: 'invalid_threshold' })
})

test('a request without a name is told which there are', () => {
  for (const name of [undefined, '', null, 7, {}]) expect(errorOf(name)).toMatchObject({ status: 400 })
})

test('a router without a pair says what to configure, and is not listed', () => {
  const unpaired = { models: ['a', 'b'], strategies: [], withoutPair: ['mf'] }
  const messageOf = (name: string) => {
    try {
      return readName(name, unpaired)
    } catch (error) {
      const { status, code, message } = (error as ApiFailure).error
      return [status, code, message]
    }
  }
  expect(messageOf('router-mf-0.5')).toEqual([
    404,
    'model_not_found',
    'model: expected a pair of configured models for router-mf to pick from, got none. Name two of a, b in llmroute.yaml (pair: { strong, weak }), or ask for auto or a model.',
  ])
  expect(messageOf('router-x-0.5')).toEqual([
    404,
    'model_not_found',
    'Unknown model "router-x-0.5". Available: auto, a, b.',
  ])
})
