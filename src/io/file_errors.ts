import { DataError } from '../errors.ts'

/** What the system calls it, and what it is. */
const REASONS: Readonly<Record<string, string>> = {
  EISDIR: 'a directory',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'a read-only file system',
  ENOSPC: 'a full disk',
  EDQUOT: 'a full quota',
  ELOOP: 'a link that leads to itself',
  ENAMETOOLONG: 'a name that is too long',
  ERR_FS_FILE_TOO_LARGE: 'more than 2 GiB',
  Z_BUF_ERROR: 'a gzip file that is cut short',
  Z_DATA_ERROR: 'a gzip file that is altered',
}

/** The error of a file that cannot be read: a DataError, or `error` itself where the system did not raise it. */
export function unreadable(file: string, error: unknown, expected = 'a file that can be read', advice = ''): unknown {
  return described(file, error, expected, 'no such file', advice)
}

/** The error of a file that cannot be written: a DataError, or `error` itself where the system did not raise it. */
export function unwritable(file: string, error: unknown): unknown {
  return described(file, error, 'a place that can be written', 'no such directory', '')
}

function described(file: string, error: unknown, expected: string, missing: string, advice: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof DataError || code === undefined) return error
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR'
  const reason = isMissing ? missing : Object.hasOwn(REASONS, code) ? REASONS[code] : code
  return new DataError(file, undefined, `expected ${expected}, got ${reason}.${advice && ` ${advice}`}`)
}
