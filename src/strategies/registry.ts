import type { Registry } from '../registry.ts'
import type { StrategyModule } from '../types.ts'

/** Every strategy: the file name is the id. */
export const strategies: Registry<StrategyModule> = {
  random: { summary: 'a hash of seed and prompt: the baseline of no knowledge', load: () => import('./random.ts') },
  length: {
    summary: 'longer prompts to strong: the baseline most trained routers fail to beat',
    load: () => import('./length.ts'),
  },
  blend: {
    summary: 'the sum of words, meaning and shape of a prompt, an expert per training file',
    load: () => import('./blend.ts'),
  },
  linear: {
    summary: 'hashed word and character n-grams and prompt statistics; predicts what strong adds',
    load: () => import('./linear.ts'),
  },
  mf: { summary: 'matrix factorization over prompt embeddings, for many models', load: () => import('./mf.ts') },
  sw_ranking: {
    summary: 'Bradley-Terry ratings refitted per prompt on battles weighted by similarity',
    load: () => import('./sw_ranking.ts'),
  },
  knn: { summary: 'outcomes of the most similar training prompts', load: () => import('./knn.ts') },
  bert: {
    summary: 'a small encoder fine-tuned on outcomes, on ONNX Runtime; or one from a folder',
    load: () => import('./bert.ts'),
  },
  causal_llm: {
    summary: 'a language model predicts the grade of a weak answer: an endpoint or an ONNX folder',
    load: () => import('./causal_llm.ts'),
  },
  forest: { summary: 'random forest over embeddings and prompt statistics', load: () => import('./forest.ts') },
}
