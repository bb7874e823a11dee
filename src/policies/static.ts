import { printable } from '../registry.ts'
import { checked, v } from '../schema.ts'
import { taskTypeOf, taskTypes } from '../text/task_type.ts'
import type { Alternative, Decision, Policy, Reason, RouteRequest } from '../types.ts'
import { requireModel } from './model_names.ts'
import type { PolicyParts } from './registry.ts'
import { createUnchosen } from './unchosen.ts'

/** Of the block `static`. */
export const options = v.strictObject({
  tasks: v.optional(
    v.pipe(
      v.record(v.string(), v.string()),
      v.description(
        `Task type to model: { code: gpt-4o }. Types that are told from the prompt: ${taskTypes.join(', ')}; requests may name others in metadata.task.`,
      ),
    ),
    {},
  ),
  default: v.optional(v.pipe(v.string(), v.description('The model of every other task.'))),
})

/**
 * A fixed map from task type to model. The type is `metadata.task` where the request names one, else what the classifier tells
 * from the prompt. The default takes types that are not in the map, and those whose model cannot serve the request.
 */
export function create({
  options: given,
  pool,
  classifier,
}: Pick<PolicyParts, 'options' | 'pool' | 'classifier'>): Policy {
  const { tasks, default: fallback } = checked(options, given, 'policy static')
  const models = new Map(Object.entries(tasks))
  for (const [task, id] of models) requireModel(id, pool, `policy static: tasks.${printable(task)}`)
  if (fallback !== undefined) requireModel(fallback, pool, 'policy static: default')
  const forOthers = alternativesByModel(models, fallback)
  const unchosen = createUnchosen('no task is given to it')

  return {
    noAnswer: request => {
      const task = namedTask(request)
      return `policy static: no model that can serve this request is given for ${task === undefined ? 'its task type' : `task "${printable(task)}"`}. Add one to tasks, or a default.`
    },
    async decide(requests, pool) {
      const isNamed = requests.every(request => namedTask(request) !== undefined)
      const weights = isNamed ? undefined : await classifier('task_type')
      return requests.map((request): Decision | undefined => {
        const named = namedTask(request)
        const task = named ?? taskTypeOf(request.prompt, weights!)
        const candidates = request.candidates ?? pool.models
        const isAvailable = (id: string | undefined) => candidates.some(model => model.id === id)
        const mapped = models.get(task)
        const choice = isAvailable(mapped) ? mapped! : isAvailable(fallback) ? fallback! : undefined
        if (choice === undefined) return undefined
        const phrase = `task ${printable(task)}${named === undefined ? ', told from the prompt' : ''}`
        const name =
          choice === mapped
            ? phrase
            : `${phrase}: the default, ${mapped === undefined ? 'since it is not in tasks' : `since ${mapped} is not available`}`
        const reason: Reason = { kind: 'rule', name, weight: choice === mapped ? 1 : 0 }
        const others = forOthers.filter(({ model }) => model !== choice && isAvailable(model))
        return {
          ...{ model: choice, models: [choice], plan: 'single', policy: 'static', reasons: [reason] },
          alternatives: unchosen(candidates, choice, others),
        }
      })
    },
  }
}

/** What each model that is named is for. */
function alternativesByModel(models: ReadonlyMap<string, string>, fallback: string | undefined): Alternative[] {
  const tasks = new Map<string, string[]>()
  for (const [task, model] of models) tasks.set(model, [...(tasks.get(model) ?? []), printable(task)])
  const given = Array.from(tasks, ([model, names]) => ({ model, reason: `for other tasks: ${names.join(', ')}` }))
  const byDefault = fallback === undefined ? [] : [{ model: fallback, reason: 'the default' }]
  return [...byDefault, ...given.filter(({ model }) => model !== fallback)]
}

function namedTask({ metadata }: RouteRequest): string | undefined {
  const task = metadata && Object.hasOwn(metadata, 'task') ? metadata.task : undefined
  return typeof task === 'string' && task !== '' ? task : undefined
}
