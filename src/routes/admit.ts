import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import type { Admit, Asking } from '../accounts/admission.ts'
import type { Authenticate } from '../accounts/authenticate.ts'
import { bearerKey } from '../accounts/bearer-key.ts'
import type { Answer } from '../http/answer.ts'
import type { Answers } from '../http/answers.ts'
import type { MemoryBudget } from '../lib/budget/memory-budget.ts'
import type { Call, Calls, Door } from '../lib/call.ts'
import type { AddressOf } from '../lib/client-address.ts'

/** Who comes in, and how much of it. */
export interface Gate {
  admit: Admit
  authenticate: Authenticate
  addressOf: AddressOf
  memory: MemoryBudget
  calls: Calls
  answers: Answers
  maxBodyBytes: number
}

/**
 * Finds out who calls and counts the request, once, however many documents it runs.
 * @returns a refusal when the caller asks too often; its Retry-After is set then.
 */
export async function admit(c: Context, gate: Gate, key: string | null | undefined): ReturnType<Admit> {
  const admitted = await gate.admit(key, gate.addressOf(incoming(c)))
  if (!admitted.refusal) answerOf(c, gate, admitted)
  if (admitted.refusal) c.header('Retry-After', String(admitted.refusal.retryAfter))
  return admitted
}

/** Counts what passes here, for the key it shows or else for its address: for what has no rules of its own for who may ask. */
export function counted(gate: Gate): MiddlewareHandler {
  return async (c, next) => {
    const { refusal } = await admit(c, gate, bearerKey(c.req.header('authorization')))
    if (refusal) return c.json({ message: refusal.message }, refusal.status)
    return next()
  }
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
export function answerOf(c: Context, gate: Gate, asking: Asking): Answer {
  return gate.answers.of(outgoing(c), asking, callOf(c, gate))
}

/** What Node writes to, under the adapter. */
export function outgoing(c: Context): ServerResponse {
  return (c.env as { outgoing: ServerResponse }).outgoing
}

/** What Node reads from, under the adapter. */
export function incoming(c: Context): IncomingMessage {
  return (c.env as { incoming: IncomingMessage }).incoming
}
