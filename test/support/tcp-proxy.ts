import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A proxy that can fail, between a server and what it connects to. */
export interface TcpProxy extends AsyncDisposable {
  /** The address of the upstream, through the proxy. */
  url: string
  /** Breaks all connections, and refuses new ones. */
  cut(): Promise<void>
  /** Accepts connections again, and passes them to the same upstream, or to another from now on. */
  restore(upstream?: string): Promise<void>
}

export async function tcpProxy(upstream: string): Promise<TcpProxy> {
  let target = new URL(upstream)
  const open = new Set<Socket>()
  const pass = (client: Socket) => {
    const server = connect(Number(target.port), target.hostname)
    for (const socket of [client, server]) {
      open.add(socket)
      socket.on('error', () => socket.destroy()).once('close', () => open.delete(socket))
    }
    client.once('close', () => server.destroy())
    server.once('close', () => client.destroy())
    client.pipe(server).pipe(client)
  }
  let server: Server | undefined
  const listen = async (at: number) => {
    server = createServer(pass).listen(at, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const own = await listen(0)
  const cut = async () => {
    if (!server) return
    const closed = once(server.close(), 'close')
    for (const socket of open) socket.destroy()
    await closed
    server = undefined
  }
  const url = new URL(upstream)
  url.hostname = '127.0.0.1'
  url.port = String(own)
  const restore = async (other?: string) => {
    if (other) target = new URL(other)
    await listen(own)
  }
  return { url: url.href, cut, restore, [Symbol.asyncDispose]: cut }
}
