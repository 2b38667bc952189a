import type { IncomingMessage } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Viewer } from '../auth/viewer.ts'
import type { Call, Calls, Door } from '../calls.ts'
import { callerOf } from '../rate/caller.ts'
import type { RateLimited, RequestRate } from '../rate/request-rate.ts'

/** Who comes in, and how much of it. */
export interface Gate {
  authenticate: Authenticate
  rate: RequestRate
  calls: Calls
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
  const refusal = await rate.count(callerOf(viewer, incoming(c).socket.remoteAddress))
  if (refusal) c.header('Retry-After', String(refusal.retryAfter))
  return { viewer, refusal }
}

/** Says of all that passes here which door it has come through. */
export function through(door: Door, gate: Gate): MiddlewareHandler {
  return (c, next) => {
    callOf(c, gate)?.enter(door)
    return next()
  }
}

/** The call that a request is, for those who watch the server. */
export function callOf(c: Context, { calls }: Gate): Call | undefined {
  return calls.of(incoming(c))
}

/** What Node reads from, under the adapter. */
function incoming(c: Context): IncomingMessage {
  return (c.env as { incoming: IncomingMessage }).incoming
}
