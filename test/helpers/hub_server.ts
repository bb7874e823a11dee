import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface HubServer {
  /** As `HF_ENDPOINT` has it. */
  readonly url: string
  /** Paths that were asked for, in order, and what came as authorization. */
  readonly requests: { readonly path: string; readonly token: string }[]
  /** Answers every request from now on, where it is set. */
  status: number | undefined
  close(): Promise<void>
}

/** A server on this machine with one model of the hub: the files of a folder, under `/<id>/resolve/main/`. */
export async function startHubServer(id: string, folder: string): Promise<HubServer> {
  const requests: HubServer['requests'] = []
  const server = createServer((request, response) => {
    const path = request.url!
    requests.push({ path, token: request.headers.authorization ?? '' })
    const file = path.startsWith(`/${id}/resolve/main/`) && join(folder, path.slice(`/${id}/resolve/main/`.length))
    if (hub.status !== undefined) response.writeHead(hub.status).end()
    else if (file && existsSync(file)) response.end(readFileSync(file))
    else response.writeHead(404).end('Entry not found')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const hub: HubServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    status: undefined,
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
  return hub
}
