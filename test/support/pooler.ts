import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A database address through which no notifications arrive, as with a transaction pooler. */
export interface Pooler extends AsyncDisposable {
  url: string
}

/** A proxy in front of a PostgreSQL without TLS. */
export async function pooler(databaseUrl: string): Promise<Pooler> {
  const { port, hostname } = new URL(databaseUrl)
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port || 5432), hostname)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => socket.destroy()).once('close', () => [client, upstream].map((each) => each.destroy()))
    }
    client.pipe(upstream)
    let rest = Buffer.alloc(0)
    upstream.on('data', (data) => {
      rest = Buffer.concat([rest, data])
      // A message is a letter, the length of the rest, and the rest.
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const message = rest.subarray(0, rest.readUInt32BE(1) + 1)
        rest = rest.subarray(message.length)
        // "A" is a notification.
        if (message[0] !== 0x41) client.write(message)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      const closed = once(server.close(), 'close')
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
