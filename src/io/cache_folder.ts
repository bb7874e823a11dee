import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where what can be made or fetched again is kept: LLMROUTE_CACHE, else llmroute in XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(): string {
  const { LLMROUTE_CACHE, XDG_CACHE_HOME } = process.env
  return LLMROUTE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'llmroute')
}
