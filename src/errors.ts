/** The caller's move: an unknown id, a bad flag, a value out of range. Exit code 2, HTTP 400. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The file owner's move: data, checkpoint or configuration that cannot be used. Exit code 2, HTTP 500. */
export class DataError extends Error {
  override readonly name = 'DataError'
  readonly file: string
  /** 1-based; undefined where the whole file is meant. */
  readonly line: number | undefined
  /** 1-based; undefined where the whole line is meant. */
  readonly column: number | undefined
  /** The message without file, line and column. */
  readonly detail: string

  /** The message becomes `file:line:column: message`; line and column are left out where they are undefined. */
  constructor(file: string, line: number | undefined, message: string, column?: number) {
    super(`${[file, line, column].filter(part => part !== undefined).join(':')}: ${message}`)
    this.file = file
    this.line = line
    this.column = column
    this.detail = message
  }
}

/** Time's move: a model or embedding endpoint did not answer as it should; a retry may help. Exit code 3, HTTP 502. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
}
