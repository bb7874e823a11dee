import { type FileHandle, open, stat } from 'node:fs/promises'

/** A file that lines are added to under its name: where that leads elsewhere by now, as after a rotation, to the file there. */
export interface AppendedFile {
  /** Opens it, where that has not been done. Rejects with the system's error. */
  open(): Promise<void>
  /** Adds whole lines, in one write as a rule. Rejects where they are not all there, or not where the name leads. One call after the other. */
  append(lines: string): Promise<void>
  /** The next lines go where the name leads by then; else that is looked up once a second. */
  lookAgain(): void
  /** Rejects where something could not be written. */
  close(): Promise<void>
}

/** Milliseconds between two looks at where the name leads. */
const LOOK = 1000

interface Opened {
  readonly handle: FileHandle
  readonly dev: number
  readonly ino: number
}

/** Opens nothing yet. A file that is made is its owner's alone. */
export function createAppendedFile(file: string, now: () => number = performance.now.bind(performance)): AppendedFile {
  let opened: Opened | undefined
  let isTorn = false
  let lookedAt = Number.NEGATIVE_INFINITY

  async function openAgain(): Promise<void> {
    // Keys, and prompts where asked for, are nobody else's business.
    const handle = await open(file, 'a', 0o600)
    const earlier = opened
    const { dev, ino } = await handle.stat()
    opened = { handle, dev, ino }
    isTorn = false
    await earlier?.handle.close()
  }

  async function follow(): Promise<void> {
    if (opened && now() - lookedAt < LOOK) return
    lookedAt = now()
    if (!opened || !(await leadsTo(file, opened))) await openAgain()
  }

  async function write({ handle }: Opened, lines: string): Promise<void> {
    // After half a line the next must not go on it.
    const bytes = Buffer.from(isTorn ? `\n${lines}` : lines)
    let written = 0
    try {
      while (written < bytes.length) written += (await handle.write(bytes, written)).bytesWritten
      isTorn = false
    } catch (error) {
      isTorn ||= written > 0
      throw error
    }
  }

  return {
    open: follow,
    async append(lines) {
      const following = await follow().then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      // Rather where nobody looks than nowhere.
      if (opened) await write(opened, lines)
      if (following) throw following.error
    },
    lookAgain() {
      lookedAt = Number.NEGATIVE_INFINITY
    },
    close: async () => opened?.handle.close(),
  }
}

async function leadsTo(file: string, { dev, ino }: Opened): Promise<boolean> {
  const found = await stat(file).catch(() => undefined)
  return found?.dev === dev && found.ino === ino
}
