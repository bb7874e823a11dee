import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { requestCsv } from '../helpers/request_file.ts'
import { binary, runCli } from '../helpers/run_cli.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()
const flags = ['--strategy', 'length', '--threshold', '0.4', '--strong', 'big', '--weak', 'small']
const batch = (...args: string[]) => runCli(['batch', ...args, ...flags], { cwd: folder.path })
const small = folder.write('small.csv', `id,prompt\n1,hi\n2,${'x'.repeat(300)}\n`)
symlinkSync('small.csv', join(folder.path, 'linked.csv'))
const rows = 40_000
const large = folder.write('large.csv', requestCsv(rows, { badRows: 40 }))
const place = (name: string) => join(folder.path, name)

describe('what is printed', () => {
  test('rows on standard output, the count on standard error', async () => {
    const { code, stdout, stderr } = await batch(small)
    expect(stdout).toBe(
      `id,prompt,llmroute_model,llmroute_win_rate,llmroute_threshold\n1,hi,small,${2 / 302},0.4\n2,${'x'.repeat(300)},big,0.5,0.4\n`,
    )
    expect(stderr).toMatch(/^batch: 2 rows, 50\.0 % to big, [\d,]+ rows\/s\n$/)
    expect(code).toBe(0)
  })

  test('bad rows on standard error with exit code 1, or nowhere else than --rejected', async () => {
    const input = folder.write('bad.csv', 'id,prompt\n1\n2,hi\n')
    const first = await batch(input)
    expect(first.code).toBe(1)
    expect(first.stderr).toMatch(/^2,"expected 2 fields, got 1",1\nbatch: 1 rows, 0\.0 % to big, 1 rejected, /)
    const second = await batch(input, '--rejected', place('bad_rows.csv'))
    expect(second.code).toBe(1)
    expect(second.stderr).toContain(`1 rejected (${place('bad_rows.csv')})`)
    expect(readFileSync(place('bad_rows.csv'), 'utf8')).toBe('line,reason,raw\n2,"expected 2 fields, got 1",1\n')
    const strict = await batch(input, '--strict')
    expect([strict.code, strict.stderr]).toEqual([2, `${input}:2: expected 2 fields, got 1.\n`])
  })

  test('bytes that are no UTF-8 come through a worker as they are', async () => {
    const input = folder.write('latin1.csv', Buffer.from('id,prompt\n1,caf\xe9\n2\n3,hi\n', 'latin1'))
    expect((await batch(input, '-o', place('latin1_out.csv'), '--workers', '1')).code).toBe(1)
    expect(readFileSync(place('latin1_out.csv.rejected.csv'), 'latin1')).toBe(
      'line,reason,raw\n2,invalid UTF-8,"1,caf\xe9"\n3,"expected 2 fields, got 1",2\n',
    )
  })

  test('--json: decisions without -o, one summary with it', async () => {
    const lines = (await batch(small, '--json')).stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines).toMatchObject([
      { line: 2, model: 'small', winRate: 2 / 302 },
      { line: 3, model: 'big', winRate: 0.5, threshold: 0.4, strategy: 'length', policy: 'threshold', plan: 'single' },
    ])
    const output = place('summary.csv')
    const { stdout } = await batch(small, '-o', output, '--json')
    expect(JSON.parse(stdout)).toEqual({
      version: 1,
      input: small,
      output,
      format: 'csv',
      state: 'finished',
      rows: 2,
      byModel: { big: 1, small: 1 },
      strongShare: 0.5,
      rejected: 0,
      rejectedFile: null,
      policy: 'threshold',
      strategy: 'length',
      threshold: 0.4,
      pair: { strong: 'big', weak: 'small' },
    })
  })

  test('standard input as lines, or as what its first line shows', async () => {
    const lines = await runCli(['batch', '-', ...flags], { input: 'hi\n\nthere' })
    expect(lines.stdout).toBe(`hi\tsmall\t${2 / 302}\t0.4\n\tsmall\t0\t0.4\nthere\tsmall\t${5 / 305}\t0.4\n`)
    const csv = await runCli(['batch', '-', ...flags], { input: 'prompt\nhi\n' })
    expect(csv.stdout).toContain(`hi,small,${2 / 302},0.4\n`)
    const output = place('from_stdin.csv')
    expect((await runCli(['batch', '-', '-o', output, ...flags], { input: 'prompt\nhi\n' })).code).toBe(0)
    expect(readdirSync(folder.path).filter(name => name.startsWith('from_stdin'))).toEqual(['from_stdin.csv'])
  })

  test('a reader that goes away ends it quietly', async () => {
    const command = `"${process.execPath}" "${binary}" batch "${large}" ${flags.join(' ')} 2>err.txt | head -n 2; echo "\${PIPESTATUS[0]}"`
    const printed = execFileSync('bash', ['-c', command], { cwd: folder.path, encoding: 'utf8' })
    expect(printed.trimEnd().split('\n').at(-1)).toBe('0')
    expect(readFileSync(place('err.txt'), 'utf8')).not.toContain('EPIPE')
  })
})

describe('standard input that stays open', () => {
  const start = (...args: string[]) => spawn(process.execPath, [binary, 'batch', '-', ...args, ...flags])

  test.each([
    ['SIGINT', 130, ''],
    ['SIGTERM', 143, ''],
    ['SIGTERM', 143, 'prompt\nhi\n'],
  ] as const)('%s ends it at once with %i after %j', async (signal, expected, input) => {
    const child = start()
    // On a busy machine the signal may come before the command listens; a shell sees the same code then.
    const ended = new Promise<number>(resolve =>
      child.on('exit', (code, by) => resolve(code ?? 128 + constants.signals[by!])),
    )
    child.stdin.write(input)
    await sleep(1000)
    const killed = performance.now()
    child.kill(signal)
    expect(await ended).toBe(expected)
    expect(performance.now() - killed).toBeLessThan(1000)
  })

  test.each([
    ['lines', '', 'hi', 'yo', 'hi\tsmall\t', []],
    ['csv', 'prompt\n', 'hi', 'yo', 'prompt,llmroute_model', []],
    ['lines', '', 'hi', 'yo', 'hi\tsmall\t', ['--workers', '2']],
  ] as const)('%s: rows come out while it idles', async (_, header, first, second, shown, args) => {
    const child = start(...args)
    const ended = new Promise<number | null>(resolve => child.on('close', resolve))
    let printed = ''
    const came = new Promise<void>(resolve => {
      child.stdout.on('data', chunk => {
        printed += chunk
        if (printed.includes(first)) resolve()
      })
    })
    child.stdin.write(`${header}${first}\n${second}`)
    await came
    expect(printed.startsWith(shown)).toBe(true)
    expect(printed).not.toContain(second)
    child.stdin.end()
    expect(await ended).toBe(0)
    expect(printed).toContain(`${second}${header ? ',' : '\t'}small`)
  })
})

test('an input of nothing but bad rows is not shown row by row', async () => {
  const input = folder.write('hopeless.csv', 'id,prompt\n1\n'.repeat(1000))
  const { code, stdout, stderr } = await batch(input, '--format', 'jsonl')
  expect(stderr).toMatch(
    /^[^\n]*hopeless\.csv:1: expected at least one row that can be used, got none\. The first: [^\n]+\n$/,
  )
  expect([code, stdout]).toEqual([2, ''])
})

describe('exit code 2 and what to do', () => {
  test.each([
    ['an unknown strategy', [small, '--strategy', 'lenght'], 'Did you mean "length"?'],
    ['a threshold that is none', [small, '--threshold', 'NaN'], '--threshold: expected a number, got "NaN".'],
    [
      'an unknown format',
      [small, '--format', 'cvs'],
      'Unknown format "cvs". Did you mean "csv"? Available: csv, tsv, jsonl, lines.',
    ],
    ['an unknown column', [small, '--prompt-column', 'promt'], 'Did you mean "prompt"?'],
    [
      'an inherited name as column',
      [small, '--prompt-column', 'constructor'],
      'expected a column "constructor", got id, prompt.',
    ],
    ['no such file', ['none.csv'], 'none.csv: expected a file that can be read, got no such file.'],
    ['a directory', ['.'], '.: expected a file that can be read, got a directory.'],
    [
      'an output in no directory',
      [small, '-o', 'no/where.csv'],
      'no/where.csv: expected a place that can be written, got no such directory.',
    ],
    ['too many workers', [small, '--workers', '1000'], '--workers: expected up to 64, got 1000.'],
    ['a length that is none', [small, '--max-field', '0'], '--max-field: expected a whole number from 1 up, got "0".'],
    ['resume without output', [small, '--resume'], '--resume: expected an output file. Name it with -o.'],
    ['an empty file', [folder.write('empty.csv', '')], 'expected rows, got an empty file.'],
    ['UTF-16', [folder.write('wide.csv', Buffer.from('\ufeffprompt\nhi\n', 'utf16le'))], 'expected UTF-8, got UTF-16.'],
    [
      'its input behind a link',
      ['small.csv', '-o', 'linked.csv'],
      '-o linked.csv: expected another file than the input.',
    ],
    ['every row bad', [folder.write('all.jsonl', '{}\n[]\n')], 'expected at least one row that can be used, got none.'],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await runCli(['batch', ...flags, ...args], { cwd: folder.path })
    expect(stderr).toContain(message)
    expect([code, stdout]).toEqual([2, ''])
  })
})

describe('large files', () => {
  const undisturbed = place('undisturbed.csv')
  const reference = batch(large, '-o', undisturbed, '--workers', '0')

  test('are the same whatever the number of workers', async () => {
    expect((await reference).code).toBe(1)
    const expected = readFileSync(undisturbed)
    for (const workers of [[], ['--workers', '1'], ['--workers', '3']]) {
      const output = place(`workers_${workers[1] ?? 'default'}.csv`)
      expect((await batch(large, '-o', output, ...workers)).code).toBe(1)
      expect(readFileSync(output).equals(expected)).toBe(true)
    }
    const zipped = place('zipped.csv.gz')
    await batch(large, '-o', zipped)
    expect(gunzipSync(readFileSync(zipped)).equals(expected)).toBe(true)
  })

  test.each([[['--workers', '0']], [[]]])('killed at any moment and resumed end the same (%s)', async workers => {
    const started = performance.now()
    await batch(large, '-o', place('timed.csv'), ...workers)
    const duration = performance.now() - started
    const output = place(`killed_${workers[1] ?? 'default'}.csv`)
    const args = ['batch', large, '-o', output, '--resume', ...workers, ...flags]
    let halfway = 0
    for (let tries = 0; tries < 40 && halfway < 4; tries++) {
      if (existsSync(output)) for (const ending of ['', '.resume.json', '.rejected.csv']) rmSync(output + ending)
      const child = spawn(process.execPath, [binary, ...args], { stdio: 'ignore' })
      const ended = new Promise(resolve => child.on('exit', resolve))
      await sleep(duration * ((0.2 + 0.381966 * tries) % 1))
      child.kill('SIGKILL')
      await ended
      const state = existsSync(`${output}.resume.json`) && readFileSync(`${output}.resume.json`, 'utf8')
      if (state && JSON.parse(state).next && !existsSync(output)) halfway++
    }
    expect(halfway).toBe(4)
    expect((await runCli(args)).code).toBe(1)
    await reference
    for (const ending of ['', '.rejected.csv']) {
      expect(readFileSync(output + ending).equals(readFileSync(undisturbed + ending))).toBe(true)
    }
    expect(readdirSync(folder.path).filter(name => /killed.*partial/.test(name))).toEqual([])
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s leaves a file that can be resumed and exits with %i', async (signal, expected) => {
    await reference
    const output = place(`${signal}.csv`)
    const child = spawn(process.execPath, [binary, 'batch', large, '-o', output, ...flags])
    let printed = ''
    child.stderr.on('data', chunk => {
      printed += chunk
    })
    const ended = new Promise<number | null>(resolve => child.on('close', resolve))
    while (!existsSync(`${output}.partial`)) await sleep(5)
    child.kill(signal)
    expect(await ended).toBe(expected)
    expect(printed).toMatch(/^batch: stopped after [\d,]+ rows.*\n.*--resume goes on from there\.\n$/)
    expect(existsSync(output)).toBe(false)
    expect((await batch(large, '-o', output, '--resume')).code).toBe(1)
    expect(readFileSync(output).equals(readFileSync(undisturbed))).toBe(true)
    const again = await batch(large, '-o', output, '--resume')
    expect([again.code, again.stderr]).toEqual([0, 'batch: nothing to do; an earlier run has finished this output.\n'])
    const other = await batch(small, '-o', output, '--resume')
    expect([other.code, other.stderr.slice(0, 29)]).toEqual([2, '--resume: expected the same i'])
  })
})

describe('a disk that is full half-way', () => {
  const disk = place('disk')
  mkdirSync(disk)
  const canMount = mounts(disk)
  afterAll(() => {
    if (canMount) execFileSync('umount', [disk])
  })

  test.skipIf(!canMount)('leaves nothing under the final name and can be resumed', async () => {
    const output = join(disk, 'routed.csv')
    const full = await batch(large, '-o', output)
    expect(full.code).toBe(2)
    expect(full.stderr).toContain(`${output}: expected a place that can be written, got a full disk.`)
    expect(full.stderr).toContain('the same command with --resume goes on from there')
    expect(existsSync(output)).toBe(false)
    execFileSync('mount', ['-o', 'remount,size=64m', disk])
    expect((await batch(large, '-o', output, '--resume')).code).toBe(1)
    await batch(large, '-o', place('roomy.csv'))
    expect(readFileSync(output).equals(readFileSync(place('roomy.csv')))).toBe(true)
  })
})

function mounts(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('a share that the prompts clearly miss is said, with what to do', async () => {
  const same = folder.write('same.txt', 'hi\n'.repeat(200))
  const { code, stderr } = await runCli(['batch', same, '--strong-pct', '0.3'], { cwd: folder.path })
  expect(code).toBe(0)
  expect(stderr).toMatch(
    /\nbatch: 30\.0 % was asked for; these prompts are not those the weights were trained on\. llmroute calibrate --strong-pct 0\.3 --data FILE finds the threshold for them\.\n$/,
  )
})
