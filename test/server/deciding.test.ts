import { describe, expect, test } from 'vitest'
import { readConversation } from '../../src/server/conversation.ts'
import { decide } from '../../src/server/deciding.ts'
import type { Routing } from '../../src/server/server_types.ts'
import { createStickyModels } from '../../src/server/sticky.ts'
import type { Model, RouteRequest } from '../../src/types.ts'

const endpoint = { baseUrl: 'http://127.0.0.1:1/v1', api: 'openai' } as const
const big: Model = { id: 'big', contextWindow: 100_000, endpoint }
const small: Model = { id: 'small', contextWindow: 500, endpoint }

/** Decides with a policy that always picks `picks`, for a conversation that `kept` has. */
function decideWith({ picks = 'big', kept }: { readonly picks?: string; readonly kept?: string }) {
  const sticky = createStickyModels(1)
  if (kept !== undefined) sticky.keep('key', kept)
  const seen: RouteRequest[] = []
  const routing = {
    ...{
      pool: { models: [big, small] },
      strategies: [],
      policyId: 'static',
      isSticky: true,
      scoresConversation: false,
    },
    async decide(_: unknown, request: RouteRequest) {
      seen.push(request)
      return { model: picks, models: [picks], plan: 'single', policy: 'static' }
    },
  } as unknown as Routing
  const parts = { routing, path: '/chat/completions', key: 'key', continued: undefined, sticky, id: 'r' }
  const ask = async (...messages: readonly object[]) => {
    const body = { messages }
    const { decision, models } = await decide({ kind: 'auto' }, readConversation(body), body, {
      ...parts,
      onShadow: undefined,
    })
    return { policy: decision.policy, models: models.map(({ id }) => id) }
  }
  return { ask, seen }
}

const user = (content: string) => ({ role: 'user', content })
const answered = [user('hi'), { role: 'assistant', content: 'Hi.' }]
/** The one has more tokens than `small` has room for, the other only more bytes. */
const LONG = 'word '.repeat(600)
const DENSE = 'word '.repeat(400)

describe('context windows', () => {
  test('a model that has no room for the request takes nothing over', async () => {
    const { ask } = decideWith({})
    expect((await ask(user('hi'))).models).toEqual(['big', 'small'])
    expect((await ask(user(DENSE))).models).toEqual(['big', 'small'])
    expect((await ask(user(LONG))).models).toEqual(['big'])
  })

  test('a conversation leaves the model that it has outgrown', async () => {
    const { ask } = decideWith({ kept: 'small' })
    expect(await ask(...answered, user('more'))).toEqual({ policy: 'sticky', models: ['small', 'big'] })
    expect(await ask(...answered, user(LONG))).toEqual({ policy: 'static', models: ['big'] })
  })

  test('tokens are counted once, and only where bytes do not show that they fit', async () => {
    const { ask, seen } = decideWith({})
    for (const text of ['hi', DENSE]) await ask(user(text))
    expect(seen.map(({ needs }) => needs?.inputTokens)).toEqual([undefined, 408])
  })
})
