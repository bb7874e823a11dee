import { createReadStream } from 'node:fs'
import { unreadable } from './file_errors.ts'

const LF = 10

/** The whole lines of a file with their offsets, without line ends; what follows the last line end is left out. None where there is no file. */
export async function* readLines(file: string): AsyncGenerator<{ readonly offset: number; readonly bytes: Buffer }> {
  let offset = 0
  let parts: Buffer[] = []
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      let from = 0
      for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
        const rest = chunk.subarray(from, end)
        const bytes = parts.length > 0 ? Buffer.concat([...parts, rest]) : rest
        parts = []
        yield { offset, bytes }
        offset += bytes.length + 1
        from = end + 1
      }
      if (from < chunk.length) parts.push(chunk.subarray(from))
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(file, error)
  }
}
