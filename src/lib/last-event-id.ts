import type { IncomingMessage } from 'node:http'

/**
 * The id of the last server-sent event that a client has received: the header, or the parameter that polyfills of
 * EventSource send instead if they cannot set headers. An empty one is none.
 */
export function lastEventIdOf({ url = '', headers }: IncomingMessage): string | undefined {
  // The query can contain a "?" too.
  const parameter = new URLSearchParams(url.slice(`${url}?`.indexOf('?') + 1)).get('lastEventId')
  return headers['last-event-id']?.toString() || parameter || undefined
}
