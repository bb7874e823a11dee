import { readFileSync, writeFileSync } from 'node:fs'
import { toJsonSchema } from '@valibot/to-json-schema'
import { expect, test } from 'vitest'
import { configSchema, policiesWithBlock } from '../../src/io/config_schema.ts'
import { presets } from '../../src/io/presets.ts'
import { policies } from '../../src/policies/registry.ts'
import { v } from '../../src/schema.ts'

const FILE = 'llmroute.schema.json'

test('the published JSON Schema is that of the code (UPDATE_SCHEMA=1 writes it)', async () => {
  const blocks = await Promise.all(
    policiesWithBlock().map(async id => {
      const options = ((await policies[id]!.load()).options as v.GenericSchema | undefined) ?? v.strictObject({})
      return [id, v.pipe(options, v.description(`Options of the policy ${id}: ${policies[id]!.summary}.`))] as const
    }),
  )
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'llmroute.yaml',
    ...toJsonSchema(configSchema(Object.fromEntries(blocks)), { errorMode: 'ignore', typeMode: 'input' }),
  }
  const text = `${JSON.stringify(schema, null, 2)}\n`
  if (process.env.UPDATE_SCHEMA) writeFileSync(FILE, text)
  expect(readFileSync(FILE, 'utf8')).toBe(text)
})

test('editors are told of every preset, every policy and every key, with a sentence about each', () => {
  const schema = JSON.parse(readFileSync(FILE, 'utf8'))
  const { models, policy } = schema.properties
  const model = models.additionalProperties.anyOf[0]
  expect(model.properties.provider.enum).toEqual(Object.keys(presets))
  expect(policy.enum).toEqual(Object.keys(policies))
  expect(model.additionalProperties).toBe(false)
  expect(schema.additionalProperties).toBe(false)
  for (const [key, value] of Object.entries({ ...schema.properties, ...model.properties })) {
    expect((value as { description?: string }).description, key).toMatch(/^[A-Z].*\.$/s)
  }
})

test('the schema goes with the package', () => {
  expect(JSON.parse(readFileSync('package.json', 'utf8')).files).toContain(FILE)
})
