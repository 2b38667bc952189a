import type { IncomingMessage } from 'node:http'

/** The header, or the parameter that polyfills of EventSource send instead. An empty one is none. */
export function lastEventIdOf({ url = '', headers }: IncomingMessage): string | undefined {
  // The query can contain a "?" too.
  const parameter = new URLSearchParams(url.slice(`${url}?`.indexOf('?') + 1)).get('lastEventId')
  return headers['last-event-id']?.toString() || parameter || undefined
}
