import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import type { Viewer } from '../auth/viewer.ts'
import type { Call, Calls, Door } from '../calls.ts'
import type { Answer } from '../http/answer.ts'
import type { Answers } from '../http/answers.ts'
import type { Admit } from '../rate/admission.ts'

/** Who comes in, and how much of it. */
export interface Gate {
  admit: Admit
  calls: Calls
  answers: Answers
  maxBodyBytes: number
}

/**
 * Finds out who calls and counts the request, once, however many documents it runs.
 * @returns a refusal when the caller asks too often; its Retry-After is set then.
 */
export async function admit(c: Context, gate: Gate, key: string | null | undefined): ReturnType<Admit> {
  const admitted = await gate.admit(key, incoming(c).socket.remoteAddress)
  if (admitted.viewer) answerOf(c, gate, admitted.viewer)
  if (admitted.refusal) c.header('Retry-After', String(admitted.refusal.retryAfter))
  return admitted
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

/** The answer to a caller, as something that is open. */
export function answerOf(c: Context, gate: Gate, viewer: Viewer): Answer {
  return gate.answers.of(outgoing(c), viewer, callOf(c, gate))
}

/** What Node writes to, under the adapter. */
export function outgoing(c: Context): ServerResponse {
  return (c.env as { outgoing: ServerResponse }).outgoing
}

/** What Node reads from, under the adapter. */
function incoming(c: Context): IncomingMessage {
  return (c.env as { incoming: IncomingMessage }).incoming
}
