import { existsSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { DataError, UsageError } from '../../src/errors.ts'
import { readOutcomes } from '../../src/io/outcomes.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const HEAD = 'prompt,strong_score,weak_score\n'
const MMLU = new URL('../../../shared/data/routellm_mmlu.csv', import.meta.url).pathname

async function read(content: string | Uint8Array, options = {}, name = 'data.csv') {
  return readOutcomes([folder.write(name, content)], options)
}

/** The message, with the folder taken out. */
async function failure(content: string | Uint8Array, options = {}, name = 'data.csv'): Promise<string> {
  const error: unknown = await read(content, options, name).catch(thrown => thrown)
  if (!(error instanceof DataError || error instanceof UsageError)) throw error
  return `${error.name} ${error.message.replaceAll(`${folder.path}/`, '')}`
}

describe('pair form', () => {
  test('id, category and scores; ids are row numbers where there is no column', async () => {
    const { outcomes, form, skipped } = await read('id,prompt,strong_score,weak_score,category\nx,hi,1,0.25,chat\n')
    expect({ form, skipped }).toEqual({ form: 'pair', skipped: 0 })
    expect(outcomes).toMatchObject({ prompts: ['hi'], ids: ['x'], categories: ['chat'], models: ['strong', 'weak'] })
    expect([outcomes.strong[0], outcomes.weak[0]]).toEqual([1, 0.25])
    expect((await read(`${HEAD}a,1,0\nb,1,0\n`)).outcomes.ids).toEqual(['1', '2'])
  })

  test('--strong and --weak name its two models', async () => {
    const { outcomes } = await read(`${HEAD}a,1,0\n`, { strong: 'gpt-4', weak: 'mixtral' })
    expect(outcomes.models).toEqual(['gpt-4', 'mixtral'])
    expect(outcomes.sources[0]).toMatchObject({ name: 'data', strong: 0, weak: 1 })
    expect(await failure(`${HEAD}a,1,0\n`, { strong: 'x', weak: 'x' })).toBe(
      'UsageError strong and weak: expected two models, got "x" twice.',
    )
  })

  test('costs of both sides and win rates of a foreign router', async () => {
    const { outcomes } = await read(
      'prompt,strong_score,weak_score,strong_cost,weak_cost,win_rate:theirs\na,1,0,0.02,,0.7\n',
    )
    expect([...outcomes.costs!]).toEqual([0.02, Number.NaN])
    expect([...outcomes.winRates.get('theirs')!]).toEqual([0.7])
  })
})

describe('legal though odd', () => {
  test.each([
    ['BOM', `\ufeff${HEAD}a,1,0\n`, 'a'],
    ['CRLF', 'prompt,strong_score,weak_score\r\na,1,0\r\n', 'a'],
    ['quoted newline, comma and quote', `${HEAD}"a ""b"",\r\nc",1,0\n`, 'a "b",\r\nc'],
    ['no newline at the end', `${HEAD}a,1,0`, 'a'],
    ['blank lines', `${HEAD}\n\na,1,0\n\n`, 'a'],
    ['one emoji', `${HEAD}👋,1,0\n`, '👋'],
    ['empty prompt', `${HEAD},1,0\n`, ''],
    ['white space around names', 'prompt , strong_score, weak_score\na,1,0\n', 'a'],
  ])('%s', async (_, content, prompt) => {
    expect((await read(content)).outcomes.prompts).toEqual([prompt])
  })

  test('gzip, by content', async () => {
    expect((await read(gzipSync(`${HEAD}a,1,0\n`))).outcomes.prompts).toEqual(['a'])
  })

  test('tab separated and JSON lines, by extension', async () => {
    expect((await read(`${HEAD}a,1,0\n`.replaceAll(',', '\t'), {}, 'data.tsv')).outcomes.prompts).toEqual(['a'])
    const lines = '{"prompt":"a","strong_score":1,"weak_score":0.5}\n\n{"weak_score":0,"prompt":"b","strong_score":1}\n'
    const { outcomes } = await read(lines, {}, 'data.jsonl')
    expect(outcomes.prompts).toEqual(['a', 'b'])
    expect([...outcomes.weak]).toEqual([0.5, 0])
  })

  test('the prompt may stand in another column', async () => {
    const { outcomes } = await read('question,strong_score,weak_score\na,1,0\n', { promptColumn: 'question' })
    expect(outcomes.prompts).toEqual(['a'])
  })
})

describe('wide form', () => {
  const WIDE = 'prompt,score:a,score:b,score:c,cost:a,cost:b,cost:c\np,1,0.5,0,3,2,9\nq,1,0,,3,1,9\n'

  test('strong is the best on average, weak the cheapest of the others', async () => {
    const { outcomes, form } = await read(WIDE)
    expect(form).toBe('wide')
    expect(outcomes.models).toEqual(['a', 'b', 'c'])
    expect(outcomes.sources[0]).toMatchObject({ strong: 0, weak: 1 })
    expect([...outcomes.scores]).toEqual([1, 0.5, 0, 1, 0, Number.NaN])
    expect([...outcomes.weak]).toEqual([0.5, 0])
    expect([...outcomes.costs!]).toEqual([3, 2, 9, 3, 1, 9])
  })

  test('without costs weak is the worst; either side can be named', async () => {
    const withoutCosts = 'prompt,score:a,score:b,score:c\np,1,0.5,0\n'
    expect((await read(withoutCosts)).outcomes.sources[0]).toMatchObject({ strong: 0, weak: 2 })
    expect((await read(withoutCosts, { weak: 'b' })).outcomes.sources[0]).toMatchObject({ strong: 0, weak: 1 })
    expect((await read(withoutCosts, { weak: 'a' })).outcomes.sources[0]).toMatchObject({ strong: 1, weak: 0 })
    expect((await read(withoutCosts, { strong: 'c' })).outcomes.sources[0]).toMatchObject({ strong: 2, weak: 1 })
  })

  test('a preferred pair is taken where the file has it', async () => {
    const has = await read(WIDE, { preferred: { strong: 'c', weak: 'a' } })
    expect(has.outcomes.sources[0]).toMatchObject({ strong: 2, weak: 0 })
    const hasNot = await read(WIDE, { preferred: { strong: 'c', weak: 'z' } })
    expect(hasNot.outcomes.sources[0]).toMatchObject({ strong: 0, weak: 1 })
  })

  test.each([
    ['unknown model', { strong: 'd' }, 'UsageError Unknown model "d". Available: a, b, c.'],
    ['name of the prototype', { weak: 'constructor' }, 'UsageError Unknown model "constructor". Available: a, b, c.'],
    ['one model twice', { strong: 'a', weak: 'a' }, 'UsageError strong and weak: expected two models, got "a" twice.'],
  ])('%s', async (_, options, message) => {
    expect(await failure(WIDE, options)).toBe(message)
  })

  test('a model that is nearly named', async () => {
    expect(await failure('prompt,score:gpt-4o,score:mixtral\np,1,0\n', { strong: 'gpt4o' })).toBe(
      'UsageError Unknown model "gpt4o". Did you mean "gpt-4o"? Available: gpt-4o, mixtral.',
    )
  })

  test.each([
    ['one model', 'prompt,score:a\np,1\n', 'data.csv:1: expected score: columns of two models or more, got one.'],
    [
      'cost without score',
      'prompt,score:gpt,score:b,cost:gtp\np,1,0,1\n',
      'data.csv:1: expected a column score:gtp beside cost:gtp, got none. Did you mean "gpt"?',
    ],
    [
      'negative cost',
      'prompt,score:a,score:b,cost:a\np,1,0,-1\n',
      'data.csv:2: expected cost:a to be dollars of 0 or more, got "-1". Correct it or pass --skip-bad.',
    ],
    ['no name', 'prompt,score:,score:b\np,1,0\n', 'data.csv:1: expected a name after score:, got none.'],
    [
      'doubled after trimming',
      'prompt,score:a,score: a\np,1,0\n',
      'data.csv:1: expected each column once, got "score:a" twice. Rename or remove one.',
    ],
  ])('%s', async (_, content, message) => {
    expect(await failure(content)).toBe(`DataError ${message}`)
  })
})

describe('battles', () => {
  test('winner by name; a tie is a half for each', async () => {
    const { outcomes, form } = await read(
      'prompt,model_a,model_b,winner\np,x,y,model_a\nq,y,x,tie\nr,x,z,model_b\ns,x,y,tie (bothbad)\n',
    )
    expect(form).toBe('battles')
    expect(outcomes.models).toEqual(['x', 'y', 'z'])
    const nan = Number.NaN
    expect([...outcomes.scores]).toEqual([1, 0, nan, 0.5, 0.5, nan, 0, nan, 1, 0.5, 0.5, nan])
    expect(outcomes.sources[0]).toMatchObject({ strong: 2, weak: 1 })
  })

  test("LMSYS's three columns, and the first turn of a list of turns", async () => {
    const { outcomes } = await read(
      'prompt,model_a,model_b,winner_model_a,winner_model_b,winner_tie\n"[""first"",""then""]",x,y,0,1,0\n[1] is a list,x,y,0,0,1\n',
      { strong: 'y', weak: 'x' },
    )
    expect(outcomes.prompts).toEqual(['first', '[1] is a list'])
    expect([...outcomes.strong]).toEqual([1, 0.5])
  })

  test.each([
    ['winner', 'p,x,y,A', 'expected winner to be model_a, model_b or tie, got "A".'],
    ['name of the prototype', 'p,x,y,constructor', 'expected winner to be model_a, model_b or tie, got "constructor".'],
    ['one model', 'p,x,x,tie', 'expected model_a and model_b to be two models, got the same twice.'],
    ['no model', 'p,x,,tie', 'expected model_a and model_b to be named, got an empty cell.'],
  ])('bad %s', async (_, row, message) => {
    expect(await failure(`prompt,model_a,model_b,winner\n${row}\n`)).toBe(
      `DataError data.csv:2: ${message} Correct it or pass --skip-bad.`,
    )
  })

  test('three flags that name no winner', async () => {
    expect(await failure('prompt,model_a,model_b,winner_model_a,winner_model_b,winner_tie\np,x,y,1,1,0\n')).toContain(
      'data.csv:2: expected one of winner_model_a, winner_model_b, winner_tie to be 1 and two 0, got "1", "1", "0".',
    )
  })
})

describe('a file that is bad as a whole', () => {
  test.each([
    ['empty', '', 'data.csv: expected a header and rows, got an empty file.'],
    ['header only', HEAD, 'data.csv: expected rows below the header, got none.'],
    [
      'no prompt',
      'promt,strong_score,weak_score\na,1,0\n',
      'data.csv:1: expected a column prompt, got promt, strong_score, weak_score. Did you mean "promt"? Name it with --prompt-column.',
    ],
    [
      'half a pair',
      'prompt,strong_score,weakscore\na,1,0\n',
      'data.csv:1: expected a column weak_score, got prompt, strong_score, weakscore. Did you mean "weakscore"?',
    ],
    [
      'costs of a pair as those of many models',
      'prompt,strong_score,weak_score,cost:strong,cost:weak\na,1,0,0.02,0.01\n',
      'data.csv:1: expected costs of a pair as strong_cost, weak_cost, got cost:strong. Rename the column.',
    ],
    [
      'no scores',
      'prompt,answer\na,b\n',
      'data.csv:1: expected columns strong_score, weak_score or score:<model> twice or model_a, model_b, winner beside prompt, got prompt, answer.',
    ],
    [
      'doubled column',
      'prompt,prompt,strong_score,weak_score\na,b,1,0\n',
      'data.csv:1: expected each column once, got "prompt" twice. Rename or remove one.',
    ],
    [
      'UTF-16 with a mark',
      Buffer.from(`\ufeff${HEAD}a,1,0\n`, 'utf16le'),
      'data.csv: expected UTF-8, got UTF-16. Convert it: iconv -f UTF-16 -t UTF-8.',
    ],
    [
      'UTF-16 without a mark',
      Buffer.from(`${HEAD}a,1,0\n`, 'utf16le'),
      'data.csv:1: expected UTF-8 text, got what looks like UTF-16.',
    ],
    [
      'Latin-1',
      Buffer.from(`${HEAD}a,1,0\ncaf\u00e9,1,0\n`, 'latin1'),
      'data.csv:3: expected UTF-8, got bytes that are not.',
    ],
    ['NUL', `${HEAD}a,1,0\nb\0,1,0\n`, 'data.csv:3: expected UTF-8 text, got a NUL byte.'],
    [
      'unclosed quote',
      `${HEAD}a,1,0\n"b,1,0\nc,1,0\n`,
      'data.csv:3: expected a closing quote in the row that begins here, got the end of the file. Quote the whole field and double the quotes inside it.',
    ],
    [
      'quote within a field',
      `${HEAD}"a\nb",1,0\n5" nail,1,0\n`,
      'data.csv:4: expected no quote inside an unquoted field in the row that begins here. Quote the whole field and double the quotes inside it.',
    ],
    [
      'text after a quote',
      `${HEAD}"a"b,1,0\n`,
      'data.csv:2: expected a delimiter after a closing quote in the row that begins here. Quote the whole field and double the quotes inside it.',
    ],
    [
      'cut gzip',
      gzipSync(`${HEAD}a,1,0\n`).subarray(0, 20),
      'data.csv: expected a whole gzip file, got one that is cut short or altered.',
    ],
  ])('%s', async (_, content, message) => {
    expect(await failure(content)).toBe(`DataError ${message}`)
  })

  test('every row bad, with --skip-bad too', async () => {
    expect(await failure(`${HEAD}a,x,0\nb,1\n`, { skipBad: true })).toBe(
      'DataError data.csv: expected a row that can be used, got 2 bad ones.',
    )
  })

  test('not there, or a folder', async () => {
    await expect(readOutcomes([`${folder.path}/none.csv`])).rejects.toThrow(
      'none.csv: expected a file that can be read, got no such file.',
    )
    await expect(readOutcomes([folder.path])).rejects.toThrow('expected a file that can be read, got a directory.')
    await expect(readOutcomes([])).rejects.toThrow('outcomes: expected one file or more, got none.')
  })

  test('unknown prompt column', async () => {
    expect(await failure(`${HEAD}a,1,0\n`, { promptColumn: 'promt' })).toBe(
      'UsageError Unknown column "promt". Did you mean "prompt"? Available: prompt, strong_score, weak_score.',
    )
    expect(await failure(`${HEAD}a,1,0\n`, { promptColumn: 'constructor' })).toContain('Unknown column "constructor".')
  })

  test('no JSON, with its line', async () => {
    expect(await failure('{"prompt":"a"}\nnope\n', {}, 'data.jsonl')).toBe(
      'DataError data.jsonl:2: expected one JSON object a line, got text that is no JSON.',
    )
    expect(await failure('[1]\n', {}, 'data.jsonl')).toBe(
      'DataError data.jsonl:1: expected one JSON object a line, got an array.',
    )
  })

  test('a file without a header does not show its prompts', async () => {
    const message = await failure('what is my password on this site,1,0\nanother prompt with words,1,0\n')
    expect(message).toContain('expected a column prompt, got (32 characters), 1, 0.')
  })
})

describe('one bad row', () => {
  const bad: readonly [string, string, string][] = [
    ['NaN', 'b,NaN,0', 'expected strong_score to be a number from 0 to 1, got "NaN".'],
    ['text', 'b,1,high', 'expected weak_score to be a number from 0 to 1, got "high".'],
    ['above 1', 'b,1.01,0', 'expected strong_score to be a number from 0 to 1, got "1.01".'],
    ['below 0', 'b,1,-0.1', 'expected weak_score to be a number from 0 to 1, got "-0.1".'],
    ['empty', 'b,,0', 'expected strong_score to be a number from 0 to 1, got an empty cell.'],
    ['too few fields', 'b,1', 'expected 3 fields as in the header, got 2.'],
    ['too many fields', 'b,1,0,0', 'expected 3 fields as in the header, got 4.'],
    [
      'a prompt in the wrong column',
      'b,tell nobody what I say here,0',
      'expected strong_score to be a number from 0 to 1, got a text of 27 characters.',
    ],
  ]

  test.each(bad)('%s: its line', async (_, row, message) => {
    expect(await failure(`${HEAD}"a\na",1,0\n\n${row}\nc,1,1\n`)).toBe(
      `DataError data.csv:5: ${message} Correct it or pass --skip-bad.`,
    )
  })

  test('--skip-bad leaves them out and counts them', async () => {
    const rows = bad.map(([, row]) => row).join('\n')
    const { outcomes, skipped } = await read(`${HEAD}a,1,0\n${rows}\nc,0.5,1\n`, { skipBad: true })
    expect(skipped).toBe(bad.length)
    expect(outcomes.prompts).toEqual(['a', 'c'])
    expect(outcomes.ids).toEqual(['1', String(bad.length + 2)])
  })
})

describe('several files', () => {
  test('models united by id, one source each, NaN where not measured', async () => {
    const first = folder.write('one.csv', 'prompt,score:a,score:b,cost:a,win_rate:w\np,1,0,5,0.5\n')
    const second = folder.write('two.csv', 'prompt,score:c,score:a\nq,0.25,0.75\n')
    const third = folder.write('three.csv', `${HEAD}r,1,0.5\n`)
    const rows: number[] = []
    const { outcomes, form } = await readOutcomes([first, second, third], { onProgress: done => rows.push(done) })
    const nan = Number.NaN
    expect(form).toBe('mixed')
    expect(rows).toEqual([1, 2, 3])
    expect(outcomes.models).toEqual(['a', 'b', 'c', 'strong', 'weak'])
    expect(outcomes.sources.map(({ name, strong, weak }) => [name, strong, weak])).toEqual([
      ['one', 0, 1],
      ['two', 0, 2],
      ['three', 3, 4],
    ])
    expect(new Set(outcomes.sources.map(({ sha256 }) => sha256)).size).toBe(3)
    expect([...outcomes.source]).toEqual([0, 1, 2])
    expect([...outcomes.scores]).toEqual([1, 0, nan, nan, nan, 0.75, nan, 0.25, nan, nan, nan, nan, nan, 1, 0.5])
    expect([...outcomes.strong]).toEqual([1, 0.75, 1])
    expect([...outcomes.weak]).toEqual([0, 0.25, 0.5])
    expect([...outcomes.costs!.subarray(0, 6)]).toEqual([5, nan, nan, nan, nan, nan])
    expect([...outcomes.winRates.get('w')!]).toEqual([0.5, nan, nan])
  })
})

test.skipIf(!existsSync(MMLU))('all MMLU outcomes are read', async () => {
  const { outcomes } = await readOutcomes([MMLU])
  expect(outcomes.prompts.length).toBe(9847)
  expect(outcomes.strong.reduce((sum, score) => sum + score, 0) / 9847).toBeCloseTo(0.808, 3)
})
