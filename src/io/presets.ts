import type { Endpoint } from '../types.ts'

/** A provider: where its models are called, in OpenAI's form. Prices are no part of it. */
export interface Preset extends Omit<Endpoint, 'name'> {
  readonly title: string
  /** Names of two of its models as the provider writes them, the stronger first: what `init` begins with. */
  readonly models: readonly [string, string]
  /** Address of the second, where a server has one model only. */
  readonly secondBaseUrl?: string
}

/** Provider id → preset. Azure OpenAI's address holds RESOURCE and DEPLOYMENT, which every model of it names. */
export const presets: Readonly<Record<string, Preset>> = {
  openai: {
    title: 'OpenAI',
    baseUrl: 'https://api.openai.com/v1',
    keyVariable: 'OPENAI_API_KEY',
    models: ['gpt-4o', 'gpt-4o-mini'],
  },
  anthropic: {
    title: 'Anthropic',
    baseUrl: 'https://api.anthropic.com/v1',
    keyVariable: 'ANTHROPIC_API_KEY',
    models: ['claude-opus-4-1', 'claude-haiku-4-5'],
  },
  google: {
    title: 'Google',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    keyVariable: 'GEMINI_API_KEY',
    models: ['gemini-2.5-pro', 'gemini-2.5-flash'],
  },
  mistral: {
    title: 'Mistral',
    baseUrl: 'https://api.mistral.ai/v1',
    keyVariable: 'MISTRAL_API_KEY',
    models: ['mistral-large-latest', 'mistral-small-latest'],
  },
  deepseek: {
    title: 'DeepSeek',
    baseUrl: 'https://api.deepseek.com/v1',
    keyVariable: 'DEEPSEEK_API_KEY',
    models: ['deepseek-reasoner', 'deepseek-chat'],
  },
  openrouter: {
    title: 'OpenRouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    keyVariable: 'OPENROUTER_API_KEY',
    models: ['openai/gpt-4o', 'mistralai/mistral-small-3.2-24b-instruct'],
  },
  groq: {
    title: 'Groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    keyVariable: 'GROQ_API_KEY',
    models: ['llama-3.3-70b-versatile', 'llama-3.1-8b-instant'],
  },
  together: {
    title: 'Together',
    baseUrl: 'https://api.together.xyz/v1',
    keyVariable: 'TOGETHER_API_KEY',
    models: ['meta-llama/Llama-3.3-70B-Instruct-Turbo', 'meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo'],
  },
  azure: {
    title: 'Azure OpenAI',
    baseUrl: 'https://RESOURCE.openai.azure.com/openai/deployments/DEPLOYMENT',
    keyVariable: 'AZURE_OPENAI_API_KEY',
    keyHeader: 'api-key',
    query: { 'api-version': '2024-10-21' },
    models: ['gpt-4o', 'gpt-4o-mini'],
  },
  ollama: {
    title: 'Ollama',
    baseUrl: 'http://localhost:11434/v1',
    models: ['llama3.3', 'llama3.2'],
  },
  vllm: {
    title: 'vLLM',
    baseUrl: 'http://localhost:8000/v1',
    models: ['meta-llama/Llama-3.3-70B-Instruct', 'meta-llama/Llama-3.1-8B-Instruct'],
    secondBaseUrl: 'http://localhost:8001/v1',
  },
  llama_cpp: {
    title: 'llama.cpp',
    baseUrl: 'http://localhost:8080/v1',
    models: ['large', 'small'],
    secondBaseUrl: 'http://localhost:8081/v1',
  },
}
