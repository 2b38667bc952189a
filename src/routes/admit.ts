import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import type { Logger } from 'pino'
import type { Admit, Identity } from '../accounts/admission.ts'
import type { Authenticate } from '../accounts/authenticate.ts'
import { bearerKey } from '../accounts/bearer-key.ts'
import type { StreamAddresses } from '../accounts/stream-addresses.ts'
import type { MaskError } from '../graphql/mask-error.ts'
import type { CreateRequestContext } from '../graphql/request-context.ts'
import type { OpenResponse } from '../http/open-response.ts'
import type { OpenResponses } from '../http/open-responses.ts'
import type { MemoryBudget } from '../lib/budget/memory-budget.ts'
import type { Call, Calls, Transport } from '../lib/call.ts'
import type { AddressOf } from '../lib/client-address.ts'
import type { KeptTexts } from '../lib/kept-texts.ts'
import type { Context as OperationContext, RequestContext } from '../schema/context.ts'

export interface RouteServices {
  admit: Admit
  authenticate: Authenticate
  addressOf: AddressOf
  memory: MemoryBudget
  calls: Calls
  responses: OpenResponses
  createRequestContext: CreateRequestContext
  /** Adds what resolvers work with. */
  createContext: (request: RequestContext) => OperationContext
  maskError: MaskError
  streamAddresses: StreamAddresses
  /** Bodies by their entity tags. */
  texts: KeptTexts
  maxBodyBytes: number
  logger: Logger
}

/** Authenticates and rate-limits a request once, for all its documents. @returns an error, with Retry-After set. */
export async function admitRequest(
  c: Context,
  services: RouteServices,
  key: string | null | undefined,
): ReturnType<Admit> {
  const admitted = await services.admit(key, services.addressOf(incoming(c)))
  if (!admitted.error) openResponseOf(c, services, admitted)
  if (admitted.error) c.header('Retry-After', String(admitted.error.retryAfter))
  return admitted
}

/** Rate-limits by key or else by address, for routes without access rules of their own. */
export function rateLimited(services: RouteServices): MiddlewareHandler {
  return async (c, next) => {
    const { error } = await admitRequest(c, services, bearerKey(c.req.header('authorization')))
    if (error) return c.json({ message: error.message }, error.status)
    return next()
  }
}

export function setTransport(transport: Transport, services: RouteServices): MiddlewareHandler {
  return (c, next) => {
    callOf(c, services)?.enter(transport)
    return next()
  }
}

function callOf(c: Context, { calls }: RouteServices): Call | undefined {
  return calls.of(incoming(c))
}

/** The response to a caller, tracked while it is open. */
function openResponseOf(c: Context, services: RouteServices, identity: Identity): OpenResponse {
  return services.responses.of(outgoing(c), identity, callOf(c, services))
}

/** Node's response, under the adapter. */
export function outgoing(c: Context): ServerResponse {
  return (c.env as { outgoing: ServerResponse }).outgoing
}

export function incoming(c: Context): IncomingMessage {
  return (c.env as { incoming: IncomingMessage }).incoming
}
