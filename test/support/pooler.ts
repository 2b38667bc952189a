import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** The address of a database through a transaction pooler, which keeps nothing of a session between transactions. */
export interface Pooler extends AsyncDisposable {
  url: string
}

/** What PgBouncer accepts in a startup message. */
const STARTUP = /^(user|database|client_encoding|application_name|datestyle|timezone|standard_conforming_strings)$/i

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
    client.once('data', (startup) => {
      // The length, the version, then names and values, each ended by a zero.
      const names = startup.subarray(8).toString('latin1').split('\0')
      const refused = names.find((name, index) => index % 2 === 0 && name !== '' && !STARTUP.test(name))
      if (refused) client.end(failure(`unsupported startup parameter: ${refused}`))
      else {
        upstream.write(startup)
        client.pipe(upstream)
      }
    })
    let rest = Buffer.alloc(0)
    let ready: Buffer | undefined
    upstream.on('data', (data) => {
      rest = Buffer.concat([rest, data])
      // A message is a letter, the length of the rest, and the rest.
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const message = rest.subarray(0, rest.readUInt32BE(1) + 1)
        rest = rest.subarray(message.length)
        const isReady = message[0] === 0x5a
        // "I": outside of a transaction.
        if (isReady && !ready && message[5] === 0x49) {
          ready = Buffer.from(message)
          upstream.write(DISCARD)
        } else if (!ready) client.write(message)
        else if (isReady) {
          client.write(ready)
          ready = undefined
        }
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

const DISCARD = messageOf('Q', 'DISCARD ALL\0')

function failure(text: string): Buffer {
  return messageOf('E', `SFATAL\0VFATAL\0C08P01\0M${text}\0\0`)
}

function messageOf(type: string, body: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body)])
}
