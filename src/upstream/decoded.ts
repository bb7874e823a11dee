import { pipeline, type Transform } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { AttemptFailure } from './attempt_failure.ts'
import type { ReplyBody } from './reply_body.ts'
import type { Reply } from './transport.ts'

// What is there goes on at once: an event must not wait for the next one.
const zlib = { flush: constants.Z_SYNC_FLUSH }
const brotli = { flush: constants.BROTLI_OPERATION_FLUSH }

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(zlib),
  'x-gzip': () => createGunzip(zlib),
  deflate: () => createInflate(zlib),
  br: () => createBrotliDecompress(brotli),
}

/** The reply as it was before an endpoint compressed it, which it may unasked; as it is in an encoding that is not known here. */
export function decoded(reply: Reply): Reply {
  const encoding = reply.headers['content-encoding']?.trim().toLowerCase()
  if (encoding === undefined || !Object.hasOwn(DECODERS, encoding)) return reply
  const { 'content-encoding': _, ...headers } = reply.headers
  return { status: reply.status, headers, body: decompressed(reply.body, DECODERS[encoding]!) }
}

function decompressed(body: ReplyBody, create: () => Transform): ReplyBody {
  async function* pieces() {
    // It throws what `body` throws, and its own errors.
    const decoder = pipeline(body, create(), () => {})
    try {
      for await (const piece of decoder) yield piece as Buffer
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (!/^(?:Z_|ERR_BROTLI|ERR__ERROR)/.test(code)) throw error
      throw new AttemptFailure(`a compressed answer that is broken (${code})`, 'passing')
    } finally {
      body.cancel()
    }
  }
  return {
    async bytes(most) {
      const all: Buffer[] = []
      let size = 0
      for await (const piece of pieces()) {
        size += piece.length
        if (size > most) {
          throw new AttemptFailure(`an answer of more than ${most} bytes`, 'lasting', {
            advice: 'Ask for a shorter one.',
          })
        }
        all.push(piece)
      }
      return Buffer.concat(all)
    },
    arrived: () => undefined,
    [Symbol.asyncIterator]: pieces,
    cancel: () => body.cancel(),
  }
}
