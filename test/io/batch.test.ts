import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { describe, expect, test } from 'vitest'
import { DataError, UsageError } from '../../src/errors.ts'
import { routeBatch } from '../../src/io/batch.ts'
import type { BatchOptions } from '../../src/io/batch_options.ts'
import { requestCsv } from '../helpers/request_file.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const router = { strategy: 'length', threshold: 0.4, strong: 'big, "one"', weak: 'small' }
let runs = 0

/** Routes a text in memory's stead: returns what was written and rejected. */
const routed = async (name: string, content: string | Buffer, options: Partial<BatchOptions> = {}) => {
  const parts: Uint8Array[] = []
  const rejects: string[] = []
  const input = folder.write(`${runs++}_${name}`, content)
  const summary = await routeBatch(
    { input, router, workers: 0, ...options },
    { write: async bytes => void parts.push(bytes.slice()), onReject: line => rejects.push(line) },
  )
  return { text: Buffer.concat(parts).toString(), rejects, summary }
}

const LONG = 'x'.repeat(300)

describe('rows come back in the form they came in', () => {
  test('CSV keeps its bytes: quotes, CRLF, mark, a last line without end', async () => {
    const { text } = await routed('a.csv', `\ufeffid,"prompt"\r\n"1",${LONG}\r\n02,"a ""b""\n,c"`)
    expect(text).toBe(
      `\ufeffid,"prompt",llmroute_model,llmroute_win_rate,llmroute_threshold\r\n` +
        `"1",${LONG},"big, ""one""",0.5,0.4\r\n` +
        `02,"a ""b""\n,c",small,${8 / 308},0.4\r\n`,
    )
  })

  test('an empty line of a single column is an empty prompt', async () => {
    const { text, summary } = await routed('one.csv', 'prompt\na\n\n\r\nb\n')
    expect(text.split('\n').slice(1)).toEqual([
      `a,small,${1 / 301},0.4`,
      ',small,0,0.4',
      ',small,0,0.4\r',
      `b,small,${1 / 301},0.4`,
      '',
    ])
    expect(summary).toMatchObject({ rows: 4, rejected: 0 })
  })

  test('TSV', async () => {
    const { text } = await routed('a.tsv', `prompt\tid\n\t1\n`)
    expect(text).toBe('prompt\tid\tllmroute_model\tllmroute_win_rate\tllmroute_threshold\n\t1\tsmall\t0\t0.4\n')
  })

  test('JSONL keeps 20-digit numbers, the order of keys, doubled keys and white space', async () => {
    const row = `{ "b":12345678901234567890, "a": 1.10, "prompt":"", "a":2 , "nested":{"x":[]} }`
    const { text } = await routed('a.jsonl', `${row}\r\n`)
    expect(text).toBe(
      `${row.slice(0, -1)},"llmroute_model":"small","llmroute_win_rate":0,"llmroute_threshold":0.4}\r\n`,
    )
    expect(JSON.parse(text)).toMatchObject({ a: 2, llmroute_model: 'small' })
  })

  test('lines gain three values after tabs; an empty line is an empty prompt', async () => {
    const { text, summary } = await routed('a.txt', `\n${LONG}\tx`)
    expect(text).toBe(`\tsmall\t0\t0.4\n${LONG}\tx\tbig, "one"\t${302 / 602}\t0.4\n`)
    expect(summary).toMatchObject({
      rows: 2,
      byModel: { small: 1, 'big, "one"': 1 },
      rejected: 0,
      format: 'lines',
      state: 'finished',
    })
  })

  test('JSON has no Infinity, CSV has', async () => {
    const none = { router: { ...router, threshold: Number.POSITIVE_INFINITY } }
    expect((await routed('b.jsonl', '{"prompt":"a"}', none)).text).toContain('"llmroute_threshold":null}\n')
    expect((await routed('b.csv', 'prompt\na\n', none)).text).toContain(',Infinity\n')
  })

  test('decisions as JSON carry the line of their row', async () => {
    const { text } = await routed('c.csv', 'prompt\n"a\nb"\nc\n', { asDecisions: true })
    const decisions = text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(decisions.map(({ line }) => line)).toEqual([2, 4])
    expect(decisions[0]).toEqual({
      line: 2,
      model: 'small',
      models: ['small'],
      plan: 'single',
      policy: 'threshold',
      strategy: 'length',
      winRate: 3 / 303,
      threshold: 0.4,
      alternatives: [{ model: 'big, "one"' }],
    })
  })

  test('a long row that is rejected is cut where it is shown to people', async () => {
    const { rejects } = await routed('e.csv', `id,prompt\n1\n2,ok\n${LONG.repeat(10)}\n`)
    expect(rejects).toEqual(['2,"expected 2 fields, got 1",1\n', `4,"expected 2 fields, got 1",${'x'.repeat(1000)}…\n`])
  })

  test('every field of a larger file, in order', async () => {
    const content = requestCsv(3000, { badRows: 10 })
    const { text, rejects, summary } = await routed('d.csv', content)
    const rows: string[][] = parse(text)
    expect(rows).toHaveLength(2991)
    expect(summary).toMatchObject({ rows: 2990, rejected: 10 })
    const good: string[][] = parse(content, { relax_column_count: true, relax_quotes: true }).filter(
      (row: string[]) => row.length === 3 && !row[1]!.includes('oops'),
    )
    expect(rows.map(row => row.slice(0, 3))).toEqual(good)
    expect(rejects).toHaveLength(10)
  })
})

describe('files', () => {
  const place = () => join(folder.path, `out_${runs++}.csv`)
  const filesOf = (output: string) =>
    readdirSync(folder.path).filter(name => join(folder.path, name).startsWith(output))
  const route = (input: string, output: string, options: Partial<BatchOptions> = {}) =>
    routeBatch({ input, output, router, workers: 0, ...options })

  test('bad rows go to a file of their own, which is there only where there are any', async () => {
    const bad = folder.write('bad.csv', 'id,prompt\n1,a\n2\n3,"b"c\n4,d\n')
    const output = place()
    expect(await route(bad, output)).toMatchObject({ rows: 2, rejected: 2 })
    expect(readFileSync(`${output}.rejected.csv`, 'utf8')).toBe(
      'line,reason,raw\n3,"expected 2 fields, got 1",2\n4,expected a delimiter or a line end after a closing quote,"3,""b""c"\n',
    )
    await route(folder.write('good.csv', 'id,prompt\n1,a\n'), output)
    expect(filesOf(output).map(name => name.replace(/^out_\d+\.csv/, ''))).toEqual(['', '.resume.json'])
  })

  test('rejected rows keep their bytes, be they UTF-8 or not', async () => {
    const rows = ['1,caf\xe9,"x ""y"" z"', '2,nul\0,z', '3,"\xff\xfe"zz\xc3\xa9', '4,too few \x80']
    const input = folder.write('bytes.csv', Buffer.from(`id,prompt,x\r\n${rows.join('\r\n')}\r\n5,ok,\r\n`, 'latin1'))
    const output = place()
    expect(await route(input, output)).toMatchObject({ rows: 1, rejected: 4 })
    // Every byte as one character, since the file is not UTF-8.
    const written = readFileSync(`${output}.rejected.csv`, 'latin1')
    expect(parse(written, { columns: true })).toEqual([
      { line: '2', reason: 'invalid UTF-8', raw: rows[0] },
      { line: '3', reason: 'NUL byte', raw: rows[1] },
      { line: '4', reason: 'expected a delimiter or a line end after a closing quote', raw: rows[2] },
      { line: '5', reason: 'expected 3 fields, got 2', raw: rows[3] },
    ])
    const { rejects } = await routed('shown.csv', Buffer.from('prompt\n\xff\nok\n', 'latin1'))
    expect(rejects).toEqual(['2,invalid UTF-8,\ufffd\n'])
  })

  test('a file of somebody else under the name for rejected rows is not replaced', async () => {
    const bad = folder.write('one_bad.csv', 'id,prompt\n1,a\n2\n')
    const output = place()
    const rejected = `${output}.rejected.csv`
    writeFileSync(rejected, 'line,text\n1,keep me\n')
    const failure = route(bad, output)
    await expect(failure).rejects.toThrow(
      new UsageError(
        `${rejected}: expected no file, or rejected rows of an earlier run, got another file. Move it, or name another with --rejected.`,
      ),
    )
    expect(readFileSync(rejected, 'utf8')).toBe('line,text\n1,keep me\n')
    expect(existsSync(output)).toBe(false)
    // What an earlier run wrote is replaced, and so is a file that holds nothing.
    for (const before of ['', 'line,reason,raw\n9,old,row\n']) {
      writeFileSync(rejected, before)
      expect(await route(bad, output, { isResumed: true })).toMatchObject({ rejected: 1, state: 'finished' })
      expect(readFileSync(rejected, 'utf8')).toBe('line,reason,raw\n3,"expected 2 fields, got 1",2\n')
      rmSync(output)
    }
  })

  test('a file of somebody else under the name for rejected rows stays where nothing is rejected', async () => {
    const rejected = folder.write('precious.txt', 'keep me')
    await route(folder.write('good.csv', 'id,prompt\n1,a\n'), place(), { rejected })
    expect(readFileSync(rejected, 'utf8')).toBe('keep me')
  })

  test('strict stops at the first bad row and leaves nothing', async () => {
    const output = place()
    const input = folder.write('strict.csv', 'id,prompt\n1,a\n2\n')
    const failure = route(input, output, { isStrict: true })
    await expect(failure).rejects.toThrow(new DataError(input, 3, 'expected 2 fields, got 1.'))
    expect(filesOf(output)).toEqual([])
  })

  test('every row bad is an error that keeps the rejected rows and an existing output', async () => {
    const output = place()
    writeFileSync(output, 'before')
    const input = folder.write('all_bad.csv', 'id,prompt\n1\n2\n')
    await expect(route(input, output)).rejects.toThrow(
      `${input}:2: expected at least one row that can be used, got none. The first: expected 2 fields, got 1. All are in ${output}.rejected.csv.`,
    )
    expect(readFileSync(output, 'utf8')).toBe('before')
    expect(readFileSync(`${output}.rejected.csv`, 'utf8').split('\n')).toHaveLength(4)
    expect(filesOf(output)).toHaveLength(2)
  })

  test('whole files that cannot be used leave nothing', async () => {
    const output = place()
    await expect(route(folder.write('header.csv', 'id,prompt\n'), output)).rejects.toThrow('got none')
    expect(filesOf(output)).toEqual([])
  })

  test('.gz output holds what the plain one does', async () => {
    const output = `${place()}.gz`
    const input = folder.write('zip.csv.gz', gzipSync(requestCsv(2500)))
    await route(input, output)
    const plain = place()
    await route(input, plain)
    expect(gunzipSync(readFileSync(output)).toString()).toBe(readFileSync(plain, 'utf8'))
  })

  test('input, output and rejected rows are different files', async () => {
    const input = folder.write('same.csv', 'prompt\na\n')
    await expect(route(input, input)).rejects.toThrow('expected another file than the input')
    const output = place()
    await expect(route(input, output, { rejected: output })).rejects.toThrow('expected another file than -o')
    await expect(route(input, folder.path)).rejects.toThrow('expected a file, got a directory')
    await expect(route(input, '/dev/null')).rejects.toThrow('expected a file, got a device or pipe')
    await expect(route(input, join(folder.path, 'none', 'o.csv'))).rejects.toThrow('got no such directory')
    expect(existsSync('/dev/null')).toBe(true)
  })

  test('and different files behind their links, also where one is not there yet', async () => {
    const content = 'id,prompt\n1,a\n2\n'
    const input = folder.write('orig.csv', content)
    const link = join(folder.path, 'link.csv')
    symlinkSync('orig.csv', link)
    symlinkSync('.', join(folder.path, 'here'))
    const output = place()
    for (const [from, to, rejected] of [
      [input, link],
      [link, input],
      [input, join(folder.path, 'here', 'orig.csv')],
      [input, output, link],
      [input, output, join(folder.path, 'here', basename(output))],
    ] as const) {
      await expect(route(from, to, { rejected })).rejects.toThrow('expected another file than ')
    }
    expect(readFileSync(input, 'utf8')).toBe(content)
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(existsSync(output)).toBe(false)
  })

  test.each(['.rejected.csv', '.partial', '.resume.json', '.rejected.csv.partial'])(
    'the input is not what a run writes beside its output: %s',
    async ending => {
      const output = place()
      writeFileSync(output + ending, 'prompt\na\n')
      const failure = route(output + ending, output, { format: 'csv' })
      await expect(failure).rejects.toThrow(`${output}${ending}: expected another file than the input`)
      expect(readFileSync(output + ending, 'utf8')).toBe('prompt\na\n')
    },
  )
})

describe('resume', () => {
  const content = requestCsv(9000, { badRows: 30 })

  /** Stops a run after some segments, as Ctrl-C would. */
  const stopAfter = async (segments: number, options: BatchOptions) => {
    const stop = new AbortController()
    let seen = 0
    const onProgress = () => {
      seen++
      if (seen === segments) stop.abort()
    }
    return routeBatch(options, { signal: stop.signal, onProgress })
  }

  const start = (ending = '.csv', text: string | Buffer = content) => {
    const name = `resume_${runs++}`
    const input = folder.write(`${name}${ending}`, text)
    const output = join(folder.path, `${name}_out${ending}`)
    return { input, output, router, workers: 0 }
  }

  test.each([
    ['CSV', '.csv', content],
    ['gzipped CSV', '.csv.gz', gzipSync(content)],
    ['lines', '.txt', content],
    ['JSONL', '.jsonl', Array.from({ length: 5000 }, (_, i) => (i % 900 ? `{"prompt":"p${i}"}` : 'bad')).join('\n')],
  ])('%s ends as an undisturbed run does, however often it was stopped', async (_, ending, text) => {
    const whole = start(ending, text)
    await routeBatch(whole)
    const broken = start(ending, text)
    let stops = 0
    for (; ; stops++) {
      const summary = await stopAfter(2, { ...broken, isResumed: true })
      // What is left of an unfinished write is not part of the state.
      if (summary.state === 'finished') break
      expect(existsSync(broken.output)).toBe(false)
      writeFileSync(`${broken.output}.partial`, 'half a row', { flag: 'a' })
    }
    expect(stops).toBeGreaterThan(1)
    expect(readFileSync(broken.output).equals(readFileSync(whole.output))).toBe(true)
    const rejects = [broken, whole].map(({ output }) => {
      const file = `${output}.rejected.csv`
      return existsSync(file) ? readFileSync(file, 'utf8') : ''
    })
    expect(rejects[0]).toBe(rejects[1])
    expect(existsSync(`${broken.output}.partial`)).toBe(false)
  })

  test('counts go on where they stopped', async () => {
    const options = start()
    const stopped = await stopAfter(3, options)
    expect(stopped).toMatchObject({ state: 'stopped', isResumable: true })
    const finished = await routeBatch({ ...options, isResumed: true })
    expect(finished).toMatchObject({ state: 'finished', rows: 8970, rejected: 30 })
    expect(finished.rowsHere).toBe(8970 - stopped.rows)
  })

  test('a finished file stays untouched', async () => {
    const options = start()
    await routeBatch(options)
    const before = readFileSync(options.output)
    expect(await routeBatch({ ...options, isResumed: true })).toMatchObject({ state: 'unchanged', rows: 8970 })
    expect(readFileSync(options.output).equals(before)).toBe(true)
  })

  test('another input, other options or a changed output are refused', async () => {
    const options = start()
    await stopAfter(2, options)
    const resumed = { ...options, isResumed: true }
    await expect(routeBatch({ ...resumed, router: { ...router, threshold: 0.3 } })).rejects.toThrow(
      `--resume: expected threshold 0.4, got 0.3: the options with which ${options.output} was begun`,
    )
    await expect(routeBatch({ ...resumed, router: { ...router, weak: 'tiny' } })).rejects.toThrow(
      'weak small, got tiny',
    )
    writeFileSync(options.input, `${content.slice(0, -3)}y\n`)
    await expect(routeBatch(resumed)).rejects.toThrow('expected the same input as the one with which')
    writeFileSync(options.input, content)
    await routeBatch(resumed)
    writeFileSync(options.output, 'edited')
    await expect(routeBatch(resumed)).rejects.toThrow('Leave out --resume to write it anew.')
  })

  test('an output of unknown origin is refused, nothing there starts', async () => {
    const options = { ...start(), isResumed: true }
    writeFileSync(options.output, 'mine')
    await expect(routeBatch(options)).rejects.toThrow('.resume.json beside the output, got none')
    const fresh = { ...start(), isResumed: true }
    expect(await routeBatch(fresh)).toMatchObject({ state: 'finished', rows: 8970 })
  })

  test('a partial file that is shorter than its state says is written anew', async () => {
    const options = start()
    await stopAfter(3, options)
    writeFileSync(`${options.output}.partial`, 'short')
    expect(await routeBatch({ ...options, isResumed: true })).toMatchObject({ rows: 8970, rowsHere: 8970 })
  })

  test('needs an output and a file', async () => {
    await expect(routeBatch({ input: 'a.csv', isResumed: true })).rejects.toThrow('expected an output file')
    await expect(routeBatch({ input: '-', output: 'x', isResumed: true })).rejects.toThrow('got standard input')
  })

  test('a run that replaces a finished output leaves it until the end', async () => {
    const options = start()
    await routeBatch(options)
    const before = readFileSync(options.output)
    await stopAfter(1, { ...options, router: { ...router, threshold: 0.1 } })
    expect(readFileSync(options.output).equals(before)).toBe(true)
  })
})
