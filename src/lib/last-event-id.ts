import type { IncomingMessage } from 'node:http'

/**
 * The id of the last server-sent event that a client has received: the header, or the parameter that polyfills of
 * EventSource send instead if they cannot set headers. An empty one is none.
 */
export function lastEventIdOf({ url = '', headers }: IncomingMessage): string | undefined {
  const parameter = new URLSearchParams(url.split('?')[1]).get('lastEventId')
  return headers['last-event-id']?.toString() || parameter || undefined
}
