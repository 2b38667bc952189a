import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * An unused TCP port of the loopback address, below the ephemeral ports of Linux (32768 to 60999), so that no outgoing
 * connection takes it before its server is started.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
