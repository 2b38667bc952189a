import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** One address for several servers. */
export interface Balancer extends AsyncDisposable {
  url: string
}

/**
 * Passes each connection to the next server in turn, or to the one after it if that refuses. It does not inspect the
 * traffic, so clients see broken connections.
 * @param urls called for each connection, so that servers can come and go.
 */
export async function balancer(urls: () => string[]): Promise<Balancer> {
  const open = new Set<Socket>()
  let turn = 0
  const server = createServer(async (client) => {
    open.add(client)
    client.once('close', () => open.delete(client)).on('error', () => client.destroy())
    const candidates = urls()
    turn++
    for (let i = 0; i < candidates.length && !client.destroyed; i++) {
      const upstream = await connected(candidates[(turn + i) % candidates.length] as string)
      if (!upstream) continue
      upstream.on('error', () => upstream.destroy()).once('close', () => client.destroy())
      client.once('close', () => upstream.destroy())
      client.pipe(upstream).pipe(client)
      return
    }
    client.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server.close(), 'close')
      for (const client of open) client.destroy()
      await closed
    },
  }
}

async function connected(url: string): Promise<Socket | undefined> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  return once(socket, 'connect').then(
    () => socket,
    () => undefined,
  )
}
