import { connect, type Socket } from 'node:net'

/** A connection that is written to by hand. */
export interface RawConnection {
  readonly socket: Socket
  /** All that came, once it is closed. */
  readonly ended: Promise<string>
}

/** Connects to the server at `url`. */
export function dial(url: string): RawConnection {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  const ended = new Promise<string>(resolve => {
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
  return { socket, ended }
}

/** What comes back for bytes that a client would not send, until it is closed or nothing comes for three seconds. */
export function raw(url: string, text: string): Promise<string> {
  const { socket, ended } = dial(url)
  socket.write(text, 'latin1')
  socket.setTimeout(3000, () => socket.destroy())
  return ended
}

/** A POST with more lines in its head. */
export function rawPost(url: string, head: string, body: string): Promise<string> {
  const { pathname } = new URL(url)
  const length = `content-length: ${body.length}`
  return raw(url, `POST ${pathname} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${length}\r\n${head}\r\n${body}`)
}
