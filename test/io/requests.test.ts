import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { DataError } from '../../src/errors.ts'
import { openRequests, type RequestOptions } from '../../src/io/requests.ts'
import { promptsOf } from '../../src/io/segment_prompts.ts'

const folder = mkdtempSync(join(tmpdir(), 'llmroute-requests-'))
afterAll(() => rmSync(folder, { recursive: true }))

const read = async (name: string, content: string | Buffer, options: RequestOptions = {}) => {
  const file = join(folder, name)
  writeFileSync(file, content)
  const requests = await openRequests(file, options)
  const prompts: string[] = []
  const rejects: (readonly [number, string])[] = []
  for await (const segment of requests.segments()) {
    const found = promptsOf(segment, requests.format, options.promptColumn ?? 'prompt')
    prompts.push(...found.prompts)
    rejects.push(...found.rejects.map(({ line, reason }) => [line, reason] as const))
  }
  return { format: requests.format, prompts, rejects }
}

const failure = async (name: string, content: string | Buffer, options?: RequestOptions) => {
  const error = await read(name, content, options).then(
    () => undefined,
    problem => problem,
  )
  expect(error).toBeInstanceOf(DataError)
  return (error as DataError).message.replace(join(folder, name), 'FILE')
}

describe('forms', () => {
  test.each([
    ['a.csv', 'id,prompt\n1,hi\n2,"a ""b"",\nc"\n', ['hi', 'a "b",\nc']],
    ['a.CSV', '\ufeffprompt,id\r\nhi,1\r\n"",2\r\n', ['hi', '']],
    ['a.tsv', 'id\tprompt\n1\thi, there\n', ['hi, there']],
    ['a.jsonl', '{"prompt":"a"}\n\n{"messages":[{"role":"user","content":"b"}]}', ['a', 'b']],
    ['a.ndjson', '\ufeff{"prompt":"😀"}\n', ['😀']],
    ['a.txt', 'one\r\n\ntwo,"three', ['one', '', 'two,"three']],
    ['a.csv.gz', gzipSync('prompt\nhi\n'), ['hi']],
    ['two.txt.gz', Buffer.concat([gzipSync('one\n'), gzipSync('two\n')]), ['one', 'two']],
    ['zipped_without_saying.csv', gzipSync('prompt\nhi\n'), ['hi']],
    ['unknown', 'id,"prompt"\n1,hi\n', ['hi']],
    ['unknown.log', 'prompt\tid\nhi\t1\n', ['hi']],
    ['unknown.data', '{"prompt":"a"}\n', ['a']],
    ['plain', 'say hi\n', ['say hi']],
    ['one_column.csv', 'prompt\na\n\n""\n', ['a', '', '']],
  ])('%s', async (name, content, prompts) => {
    expect(await read(name, content)).toMatchObject({ prompts, rejects: [] })
  })

  test('--format and the prompt column are obeyed', async () => {
    expect((await read('b.csv', 'q\thi\nwhy\tx\n', { format: 'tsv', promptColumn: 'q' })).prompts).toEqual(['why'])
    expect((await read('b.txt', '{"q":"why"}\n', { format: 'jsonl', promptColumn: 'q' })).prompts).toEqual(['why'])
  })

  test('header names lose the white space around them, and may be quoted', async () => {
    expect((await read('c.csv', ' id , prompt \n1,hi\n')).prompts).toEqual(['hi'])
    expect((await read('c.csv', '"the ""id""","prompt\n"\n1,hi\n')).prompts).toEqual(['hi'])
  })
})

describe('whole files that cannot be used', () => {
  test.each([
    ['empty', '', 'FILE: expected rows, got an empty file.'],
    ['only a mark', '\ufeff', 'FILE: expected rows, got an empty file.'],
    ['header only', 'id,prompt\n', 'FILE: expected rows below the header, got none.'],
    ['blank lines', '\n\n', 'FILE:3: expected a header, got only blank lines.'],
    [
      'semicolons.csv',
      'id;"prompt"\n1;"say ""hi"" now"\n',
      'FILE:1: expected columns separated by ",", got ";". Convert the file, or save it with commas.',
    ],
    [
      'tabs.csv',
      'id\tprompt\n1\thi\n',
      'FILE:1: expected columns separated by ",", got tabs. Convert the file, or save it with commas.',
    ],
    [
      'missing column',
      'id,promt\n1,hi\n',
      'FILE:1: expected a column "prompt", got id, promt. Did you mean "promt"? Name the right one with --prompt-column.',
    ],
    [
      'doubled column',
      'prompt,id,prompt\na,b,c\n',
      'FILE:1: expected each column once, got "prompt" twice. Rename or remove one.',
    ],
    [
      'routed before',
      'prompt,llmroute_model\na,b\n',
      'FILE:1: expected no column llmroute_model, which routing adds. Rename or remove it.',
    ],
    [
      'UTF-16 with mark',
      Buffer.from('\ufeffprompt\nhi\n', 'utf16le'),
      'FILE: expected UTF-8, got UTF-16. Convert it: iconv -f UTF-16 -t UTF-8.',
    ],
    [
      'UTF-16 without',
      Buffer.from('prompt\nhi\n', 'utf16le'),
      'FILE: expected UTF-8, got UTF-16. Convert it: iconv -f UTF-16 -t UTF-8.',
    ],
    [
      'UTF-16 big end',
      Buffer.from('prompt\nhi\n', 'utf16le').swap16(),
      'FILE: expected UTF-8, got UTF-16. Convert it: iconv -f UTF-16 -t UTF-8.',
    ],
    [
      'CR alone',
      'id,prompt\r1,hi\r',
      'FILE:1: expected lines that end in LF or CRLF, got CR alone. Convert it: tr "\\r" "\\n".',
    ],
    [
      'cut gzip',
      gzipSync('prompt\nhi\n'.repeat(1000)).subarray(0, 30),
      'FILE: expected a file that can be read, got a gzip file that is cut short.',
    ],
    [
      'header never ends',
      'id,"prompt\n1,hi\n',
      'FILE:1: expected a header, got one that cannot be read: quote not closed before the end of the file.',
    ],
  ])('%s', async (_, content, message) => {
    expect(await failure('x.csv', content)).toBe(message)
  })

  test('columns named like what every object has are no columns', async () => {
    const message = await failure('x.csv', 'id,prompt\n1,hi\n', { promptColumn: 'constructor' })
    expect(message).toBe(
      'FILE:1: expected a column "constructor", got id, prompt. Name the right one with --prompt-column.',
    )
  })

  test('a header with semicolons where no ending says CSV, but no sentence', async () => {
    expect(await failure('header_of_no_format', 'id;prompt\n1;hi\n')).toContain('separated by ",", got ";".')
    expect((await read('sentence_of_no_format', 'Explain this; prompt\n')).format).toBe('lines')
    expect((await read('header.txt', 'id;prompt\n')).prompts).toEqual(['id;prompt'])
  })

  test('lines of JSONL that are all blank', async () => {
    expect(await failure('x.jsonl', '\n \n')).toBe('FILE: expected rows, got none.')
  })

  test('no such file, a directory, .json', async () => {
    await expect(openRequests(join(folder, 'none.csv'))).rejects.toThrow(
      'none.csv: expected a file that can be read, got no such file.',
    )
    await expect(openRequests(folder)).rejects.toThrow(`${folder}: expected a file that can be read, got a directory.`)
    await expect(openRequests('x.json')).rejects.toThrow('Say --format jsonl.')
  })
})

describe('rows that cannot be used', () => {
  test('NUL bytes and invalid UTF-8 in CSV', async () => {
    const content = Buffer.concat([
      Buffer.from('id,prompt\n1,good\n2,nul\0\n3,'),
      Buffer.from([0xff, 0xfe, 0x41]),
      Buffer.from('\n4,"multi\nline"\n5,tail\xe9\n', 'latin1'),
    ])
    const { prompts, rejects } = await read('d.csv', content)
    expect(prompts).toEqual(['good', 'multi\nline'])
    expect(rejects).toEqual([
      [3, 'NUL byte'],
      [4, 'invalid UTF-8'],
      [7, 'invalid UTF-8'],
    ])
  })

  test('in the order of their lines, whoever found them', async () => {
    const { rejects } = await read('e.csv', 'id,prompt\n1\n2,\0\n3\n4,ok\n')
    expect(rejects.map(([line]) => line)).toEqual([2, 3, 4])
  })
})
