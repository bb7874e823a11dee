/** 2 the caller or a file, 3 an endpoint, 70 a bug. By name, since each bundled command holds its own copy of the classes. */
export function exitCodeOf(error: unknown): number {
  const name = error instanceof Error ? error.name : ''
  if (['UsageError', 'DataError'].includes(name) || isCommanderError(error)) return 2
  return name === 'UpstreamError' ? 3 : 70
}

/** What is printed: the message alone where somebody can act on it, the stack where it is a bug. */
export function messageOf(error: unknown): string {
  if (isCommanderError(error)) return error.message.replace(/^error: /, '').replace(/\n\(/, ' (')
  if (exitCodeOf(error) !== 70) return (error as Error).message
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `This is a bug in llmroute; please report it with what follows.\n${stack}`
}

/** Of commander's own errors: unknown options, missing arguments. Told by their code, so that only main.ts imports commander. */
function isCommanderError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')
}
