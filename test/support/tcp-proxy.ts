import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'

/** A proxy that can fail, between a server and what it connects to. */
export interface TcpProxy extends AsyncDisposable {
  /** The address of the upstream, through the proxy. */
  url: string
  /** Breaks all connections, and refuses new ones. */
  cut(): Promise<void>
  /**
   * Forwards nothing more on the connections that are open, without closing them, as if the upstream had vanished:
   * nothing at all, only no answers of the upstream, or, on new connections too, nothing at all.
   */
  silence(what?: 'open' | 'answers' | 'all'): void
  /** Accepts connections again, and passes them to the same upstream, or to another from now on. */
  restore(upstream?: string): Promise<void>
}

/** What a chunk that the upstream sends is late by: milliseconds, or until something has happened. */
type Delay = (chunk: Buffer) => number | Promise<unknown>

export async function tcpProxy(upstream: string, delay?: Delay): Promise<TcpProxy> {
  let target = new URL(upstream)
  const open = new Set<Socket>()
  const upstreams = new Set<Socket>()
  let isSilent = false
  const add = (socket: Socket) => {
    open.add(socket)
    socket.on('error', () => socket.destroy()).once('close', () => open.delete(socket))
  }
  const pass = (client: Socket) => {
    add(client)
    if (isSilent) return void client.pause()
    const server = connect(Number(target.port), target.hostname)
    add(server)
    upstreams.add(server)
    client.once('close', () => server.destroy())
    server.once('close', () => {
      upstreams.delete(server)
      client.destroy()
    })
    client.pipe(server)
    if (delay) server.pipe(late(delay)).pipe(client)
    else server.pipe(client)
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
  return {
    url: url.href,
    cut,
    silence(what = 'open') {
      isSilent = what === 'all'
      for (const socket of what === 'answers' ? upstreams : open) socket.unpipe().pause()
    },
    async restore(other) {
      if (other) target = new URL(other)
      isSilent = false
      if (!server) await listen(own)
    },
    [Symbol.asyncDispose]: cut,
  }
}

function late(delay: Delay): Transform {
  return new Transform({
    transform(chunk, _encoding, done) {
      const by = delay(chunk)
      if (typeof by !== 'number') by.then(() => done(null, chunk))
      else if (by > 0) setTimeout(done, by, null, chunk)
      else done(null, chunk)
    },
  })
}
