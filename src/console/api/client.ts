import { effect } from '@preact/signals'
import { type Client, createClient } from '../../client/client.ts'
import { key } from '../session/key.ts'
import { ApiError } from './api-error.ts'
import { connection } from './connection.ts'

/** Milliseconds without a byte after which a connection is taken for dead. */
const SILENCE_MS = 15_000

let client: Client | undefined

// Its connections belong to the key that opened them.
effect(() => {
  const used = key.value
  if (used === undefined) return undefined
  const opened = createClient({ url: '/', key: used, silenceMs: SILENCE_MS, onRetry: () => connection.broke() })
  client = opened
  return () => void opened.close()
})

/** The client of the package with the key of this tab. @throws ApiError UNAUTHENTICATED without a key. */
export function currentClient(): Client {
  if (!client || key.peek() === undefined) throw new ApiError('Sign in first.', 'UNAUTHENTICATED')
  return client
}
