import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Viewer } from '../auth/viewer.ts'
import { callerOf } from '../rate/caller.ts'
import type { RateLimited, RequestRate } from '../rate/request-rate.ts'

/** Who comes in, and how much of it. */
export interface Gate {
  authenticate: Authenticate
  rate: RequestRate
  maxBodyBytes: number
}

/**
 * Finds out who calls and counts the request, once, however many documents it runs.
 * @returns a refusal when the caller asks too often; its Retry-After is set then.
 */
export async function admit(
  c: Context,
  { authenticate, rate }: Gate,
  key: string | null | undefined,
): Promise<{ viewer: Viewer; refusal?: RateLimited }> {
  const viewer = await authenticate(key ?? undefined)
  // What Node reads from, under the adapter.
  const { socket } = (c.env as { incoming: IncomingMessage }).incoming
  const refusal = await rate.count(callerOf(viewer, socket.remoteAddress))
  if (refusal) c.header('Retry-After', String(refusal.retryAfter))
  return { viewer, refusal }
}
