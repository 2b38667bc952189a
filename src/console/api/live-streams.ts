import { type Client, createClient } from 'graphql-sse'
import { key } from '../session/key.ts'
import { connection } from './connection.ts'

/** Server-sent events, for networks that let no WebSocket pass: a response for each subscription. */
export function openLiveStreams(): Pick<Client, 'subscribe' | 'dispose'> {
  return createClient({
    url: '/graphql',
    headers: () => ({ authorization: `Bearer ${key.value}` }),
    credentials: 'omit',
    retryAttempts: Number.POSITIVE_INFINITY,
    retry: async (attempt) => {
      connection.closed(false)
      await new Promise((resolve) => setTimeout(resolve, Math.min(250 * 2 ** attempt, 8_000)))
    },
    on: { connected: () => connection.connected() },
  })
}
