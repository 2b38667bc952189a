import type { Server } from 'node:http'
import { promisify } from 'node:util'

/** How long requests under way may take to be answered, in milliseconds. */
const PATIENCE_MS = 8_000

/**
 * Watches a server from its start, to close it well: it takes no more connections, answers what it has begun, and then closes
 * those that are only kept open, also the ones that have never asked for anything.
 */
export function drainer(http: Server): () => Promise<void> {
  let underWay = 0
  let draining = false
  http.prependListener('request', (_request, response) => {
    underWay++
    response.once('close', () => {
      underWay--
      if (draining && underWay === 0) http.closeAllConnections()
    })
  })
  return async () => {
    draining = true
    const closed = promisify(http.close.bind(http))()
    if (underWay === 0) http.closeAllConnections()
    const impatience = setTimeout(() => http.closeAllConnections(), PATIENCE_MS)
    await closed.finally(() => clearTimeout(impatience))
  }
}
