import type { RequestBody } from '../io/chat_body.ts'
import type { Decision, Model } from '../types.ts'
import { formOf } from '../upstream/chat_form.ts'
import { destinationOf } from '../upstream/destination.ts'
import type { PlanParts } from '../upstream/plan_types.ts'

/** What would be sent where. It holds the name of the key's variable, never the key. */
export interface DryRequest {
  readonly model: string
  /** Whose turn it is: asked first, with the others, next where the one before is not good enough or fails, or as a judge. */
  readonly role: 'chosen' | 'ensemble' | 'cascade' | 'fallback' | 'judge'
  readonly url: string
  readonly key: { readonly variable: string; readonly isSet: boolean } | null
  /** Null of judges, who are shown the answers. */
  readonly body: unknown
}

/** What a decided request would send, in order. Throws UsageError where a model has no endpoint. */
export function dryRequests(
  { models, plan, merge, accept }: Decision,
  body: RequestBody,
  { modelOf, fallbacks = [] }: Pick<PlanParts, 'modelOf' | 'fallbacks'>,
  isStream: boolean,
): DryRequest[] {
  const describe = (model: Model, role: DryRequest['role']): DryRequest => {
    const form = formOf(model)
    const { origin, path } = destinationOf(model, form.path)
    const variable = model.endpoint?.keyVariable
    return {
      ...{ model: model.id, role, url: `${origin}${path}` },
      key: variable === undefined ? null : { variable, isSet: Boolean(process.env[variable]?.trim()) },
      body: role === 'judge' ? null : form.request(body, model, isStream),
    }
  }
  const role = plan === 'all' ? 'ensemble' : plan === 'until_accepted' ? 'cascade' : 'chosen'
  const judge = merge?.judge ?? accept?.judge
  return [
    ...models.map(id => describe(modelOf(id), role)),
    ...(judge === undefined ? [] : [describe(modelOf(judge), 'judge')]),
    ...(plan === 'single' ? fallbacks.filter(({ id }) => !models.includes(id)) : []).map(model =>
      describe(model, 'fallback'),
    ),
  ]
}

/** The same for people. */
export function renderDryRun(requests: readonly DryRequest[]): string {
  const blocks = requests.map(({ model, role, url, key, body }) => {
    const keyLine = key ? `key from ${key.variable} (${key.isSet ? 'set' : 'not set'})` : 'no key'
    const bodyLine = body === null ? 'the answers, to judge' : JSON.stringify(body)
    return `${role} ${model}\n  POST ${url}\n  ${keyLine}\n  ${bodyLine}\n`
  })
  return `${blocks.join('')}Nothing was sent.\n`
}
