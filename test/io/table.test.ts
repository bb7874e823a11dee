import { expect, test } from 'vitest'
import { readOutcomes } from '../../src/io/outcomes.ts'
import { readTable } from '../../src/io/table.ts'
import { temporaryFolder } from '../helpers/temporary_folder.ts'

const folder = temporaryFolder()

test.each([
  [
    'semicolons.csv',
    'prompt;strong;weak\n"say ""hi""";1;0\n',
    '",", got ";". Convert the file, or save it with commas.',
  ],
  ['tabs.csv', 'prompt\tstrong\n"a" b\t1\n', '",", got tabs. Convert the file, or save it with commas.'],
  ['commas.tsv', 'prompt,strong\nhi,1\n', 'tabs, got ",". Convert the file, or save it with tabs.'],
])('another delimiter is named before quotes are looked at: %s', async (name, content, message) => {
  const file = folder.write(name, content)
  await expect(readTable(file)).rejects.toThrow(`${file}:1: expected columns separated by ${message}`)
})

test('a header without a prompt column keeps its delimiter', async () => {
  const file = folder.write('plain.csv', 'question,a;prompt x\nhi,1\n')
  expect((await readTable(file)).header).toEqual(['question', 'a;prompt x'])
})

test('another delimiter is named where the prompt has a column of another name, too', async () => {
  const file = folder.write('asked.csv', 'question;strong_score\n"say ""hi""";1\n')
  const message = `${file}:1: expected columns separated by ",", got ";". Convert the file, or save it with commas.`
  await expect(readTable(file, 'question')).rejects.toThrow(message)
  await expect(readOutcomes([file], { promptColumn: 'question' })).rejects.toThrow(message)
})
