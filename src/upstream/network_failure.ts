import { AttemptFailure } from './attempt_failure.ts'

const TLS = /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/

/**
 * What an error of the network means. Only its code is told: its text may quote addresses with passwords in them.
 * @param connect milliseconds that were given to connect.
 */
export function networkFailure(error: unknown, connect: number): AttemptFailure {
  const { code: own, name, cause } = error as { code?: unknown; name?: string; cause?: { code?: unknown } }
  const code = typeof own === 'string' ? own : typeof cause?.code === 'string' ? cause.code : (name ?? 'unknown')
  const passing = (phrase: string, advice?: string) => new AttemptFailure(phrase, 'passing', advice ? { advice } : {})
  if (TLS.test(code)) {
    return new AttemptFailure(`no TLS connection (${code})`, 'lasting', {
      advice: 'Check the address and its certificate.',
    })
  }
  if (code === 'EMFILE' || code === 'ENFILE') {
    return new AttemptFailure(`no connection, since too many files are open here (${code})`, 'own', {
      advice: 'Try again later, or allow more open files (ulimit -n).',
    })
  }
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) {
    return passing(`no such host (${code})`, 'Check the base URL and the network.')
  }
  if (code === 'ECONNREFUSED')
    return passing('connection refused', 'Check that it runs and that the base URL is right.')
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return new AttemptFailure(`no connection in ${connect} ms`, 'passing', { isTimeout: true })
  }
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE') {
    return passing('a connection that closed before the answer was whole')
  }
  if (code.startsWith('HPE_') || code === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new AttemptFailure(`an answer that is not HTTP (${code})`, 'lasting', { advice: 'Check the base URL.' })
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return passing('an answer shorter or longer than it says')
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return new AttemptFailure('a closed client', 'lasting')
  return passing(`no connection (${code})`)
}
