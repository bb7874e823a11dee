import { expect, test } from 'vitest'
import { commands } from '../../src/cli/commands/registry.ts'
import { runCli } from '../helpers/run_cli.ts'

/** The first passage whose brackets do not close in order, or whose quotes do not come in pairs. */
function unbalanced(text: string): string | undefined {
  return text.split(/\n\s*\n/).find(passage => {
    const open: string[] = []
    for (const character of passage.match(/[[\](){}]/g) ?? []) {
      if ('[({'.includes(character)) open.push(character)
      else if (open.pop() !== { ']': '[', ')': '(', '}': '{' }[character]) return true
    }
    return open.length > 0 || passage.split('"').length % 2 === 0
  })
}

test.each([
  ['{ "a": [1] } (b)', undefined],
  ['ok\n\n"strategies": [{ "id",\n"XX: [{ "category" }]', '"strategies": [{ "id",\n"XX: [{ "category" }]'],
  ['[(])', '[(])'],
  ['"a', '"a'],
])('%j', (text, passage) => {
  expect(unbalanced(text)).toBe(passage)
})

test.each(Object.keys(commands))('%s --help closes every bracket and quote that it opens', async id => {
  const { stdout } = await runCli([id, '--help'])
  expect(unbalanced(stdout)).toBeUndefined()
})
