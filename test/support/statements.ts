import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

/** A proxy to PostgreSQL that notes the statements that pass. */
export interface StatementProxy extends AsyncDisposable {
  /** The address of the database, through the proxy. */
  readonly url: string
  /** The text of each statement so far, in order. */
  readonly statements: string[]
  /** The texts that were prepared under a name, once for each connection. */
  readonly prepared: string[]
}

/**
 * Every message but the first of a connection is a type, its length, and its contents: "P" is a statement to parse
 * under a name, which can be empty, and "B" binds values to a portal for a statement of a name.
 */
export async function statementProxy(upstream: string): Promise<StatementProxy> {
  const target = new URL(upstream)
  const statements: string[] = []
  const prepared: string[] = []
  const server = createServer((client) => {
    const database = connect(Number(target.port || 5432), target.hostname)
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const)
      socket.on('error', () => socket.destroy()).once('close', () => other.destroy())
    client.pipe(database).pipe(client)
    const texts = new Map<string, string>()
    let rest = Buffer.alloc(0)
    let started = false
    client.on('data', (bytes) => {
      rest = Buffer.concat([rest, Buffer.from(bytes)])
      for (;;) {
        const start = started ? 1 : 0
        if (rest.length < start + 4) return
        const end = start + rest.readUInt32BE(start)
        if (rest.length < end) return
        const type = started ? String.fromCharCode(rest[0] as number) : ''
        if (type === 'P' || type === 'B') {
          const [first = '', second = ''] = rest.subarray(5, end).toString().split('\0', 2)
          if (type === 'B') statements.push(texts.get(second) ?? '')
          else texts.set(first, second)
          if (type === 'P' && first !== '') prepared.push(second)
        }
        started = true
        rest = rest.subarray(end)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(upstream)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    statements,
    prepared,
    async [Symbol.asyncDispose]() {
      server.close()
      server.unref()
    },
  }
}
