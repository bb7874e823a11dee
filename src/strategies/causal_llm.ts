import { DataError, UsageError } from '../errors.ts'
import type { ChatMessage } from '../model_types.ts'
import type { Checkpoint, Resources, Strategy } from '../types.ts'
import { createLabelEndpoint, isEndpoint } from './label_endpoint.ts'
import { causalWinRate } from './label_win_rate.ts'

/** Raised whenever the same prompt would be asked about in other words. */
const FEATURE_VERSION = 1
/** The grades of a weak model's answer, worst first. */
const LABELS = ['[[1]]', '[[2]]', '[[3]]', '[[4]]', '[[5]]']

/** The instruction of RouteLLM's `causal_llm`, whose fine-tuned Llama knows no other. */
const INSTRUCTION = `[Instruction]
Based on the question provided below, predict the score an expert evaluator would give to an AI assistant's response, considering its helpfulness, relevance, adherence to facts, depth, creativity, and detail. Your prediction should infer the level of proficiency needed to address the question effectively. Use a scale from 1 to 5, where a higher score indicates a higher anticipated quality of response. Provide your prediction as: "[[predicted rating]]".

Score criteria:
- **4-5**: The AI assistant can produce a very strong answer, showing deep understanding, creativity, detailed insight, and high relevance.
- **3**: The AI assistant can provide an adequate answer with moderate detail, relevance, and factual accuracy.
- **1-2**: The AI assistant will struggle to produce a strong answer due to the question's difficulty, vagueness, or the assistant's limitations.`

export const recipe = `Name an endpoint and its model, as
--checkpoint http://localhost:11434/v1#llama3.2, or a folder with an ONNX model, as checkpoints/recipes/smollm2 makes one.`

/**
 * A language model says how good the weak model's answer would be, from 1 to 5, and how sure it is: RouteLLM's prompt and
 * formula. The model stands behind an endpoint or lies in a folder on this machine.
 */
export async function create(resources: Resources): Promise<Strategy> {
  const source = modelOf(await resources.checkpoint())
  const labelLogits = isEndpoint(source)
    ? createLabelEndpoint(source, resources.postJson)
    : await openLocally(source, resources)
  return {
    async winRate(prompts) {
      return Float64Array.from(await labelLogits(prompts, messagesOf, LABELS), causalWinRate)
    },
  }
}

async function openLocally(folder: string, { models }: Resources) {
  if (!models) throw new UsageError('causal_llm: expected a way to run models (resources.models), got none.')
  const model = await models.causalModel(folder)
  return async (...asked: Parameters<typeof model.labelLogits>) => {
    const logits = await model.labelLogits(...asked)
    const labels = LABELS.length
    return asked[0].map((_, i) => logits.subarray(i * labels, (i + 1) * labels))
  }
}

function messagesOf(question: string): readonly ChatMessage[] {
  return [
    { role: 'system', content: INSTRUCTION },
    { role: 'user', content: `[Question]\n${question}\n\nPrediction:` },
  ]
}

function modelOf({ metadata: { strategy, featureVersion }, model }: Checkpoint): string {
  if (strategy !== 'causal_llm' || featureVersion !== FEATURE_VERSION) {
    throw new DataError(
      'causal_llm',
      undefined,
      `expected a checkpoint of causal_llm with feature version ${FEATURE_VERSION}, got ${strategy} with ${featureVersion}. Make it again.`,
    )
  }
  if (model !== undefined) return model
  throw new DataError('causal_llm', undefined, 'expected the folder of a language model, got a file without one.')
}
