import { DataError } from '../errors.ts'
import { readDocument } from './config_document.ts'

/**
 * What is wrong with the options of a policy, told only when it is made, with its place in the file: of the part that the message
 * names (`policy rules: rule 1: …`, `policy static: tasks.code: …`), else of the block.
 * @param policyId that was made; another one within it may be at fault.
 * @returns the error as it is where the file has no such block, or the place is known.
 */
export async function placedInBlock(file: string, policyId: string, error: Error): Promise<Error> {
  if (error instanceof DataError) return error
  const { content, problemAt } = await readDocument(file)
  const [, named = policyId, detail = ''] = /^policy ([a-z0-9_]+): (.*)$/s.exec(error.message) ?? []
  const blocks = content as Readonly<Record<string, unknown>>
  if (!Object.hasOwn(blocks, named)) return error
  const rules = Array.isArray(blocks[named]) ? [] : ['rules']
  const path = detail
    .split(': ')
    .slice(0, -1)
    .flatMap(part => {
      const rule = /^rule (\d+)/.exec(part)
      return rule ? [...rules, Number(rule[1]) - 1] : part.split('.')
    })
  return problemAt([named, ...path], error.message)
}
