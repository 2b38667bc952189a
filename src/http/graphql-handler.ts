import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Admit, Identity } from '../accounts/admission.ts'
import { bearerKey } from '../accounts/bearer-key.ts'
import { callerOf } from '../accounts/caller-of.ts'
import { ANONYMOUS } from '../accounts/viewer.ts'
import type { CompiledOperations } from '../graphql/compiled-operations.ts'
import type { ReadRequestBody } from '../graphql/request-body.ts'
import type { CreateRequestContext } from '../graphql/request-context.ts'
import type { Yoga } from '../graphql/yoga.ts'
import type { Call } from '../lib/call.ts'
import type { AddressOf } from '../lib/client-address.ts'
import { lastEventIdOf } from '../lib/last-event-id.ts'
import { createJsonOperations, jsonTypeOf } from './json-operations.ts'
import type { OpenResponses } from './open-responses.ts'

interface GraphqlServices {
  readonly admit: Admit
  readonly addressOf: AddressOf
  readonly responses: OpenResponses
  readonly createRequestContext: CreateRequestContext
  readonly readBody: ReadRequestBody
  readonly compiled: CompiledOperations
}

/** Serves `/graphql` over HTTP. Callers are resolved before the body is read; Yoga sends the error of a rejection. */
export function createGraphqlHandler(
  yoga: Yoga,
  { admit, addressOf, responses, createRequestContext, readBody, compiled }: GraphqlServices,
  logger: Logger,
): (request: IncomingMessage, response: ServerResponse, call: Call) => void {
  const runJson = createJsonOperations(yoga, compiled, readBody)
  const handle = async (request: IncomingMessage, response: ServerResponse, call: Call): Promise<void> => {
    const address = addressOf(request)
    const anonymous: Identity = { viewer: ANONYMOUS, caller: callerOf(ANONYMOUS, address) }
    const admitted = isPreflight(request) ? anonymous : await admit(bearerKey(request.headers.authorization), address)
    if (response.destroyed) return
    const error = 'error' in admitted ? admitted.error : undefined
    const identity = admitted.viewer ? admitted : anonymous
    const open = responses.of(response, identity, call)
    const context = createRequestContext(identity, open, {
      call,
      lastEventId: lastEventIdOf(request),
      onStart: (cursor) => open.begin(cursor),
    })
    open.onGone(() => context.budget.release())
    const type = error || identity.viewer.type === 'anonymous' ? undefined : jsonTypeOf(request)
    const begun = type && (await runJson(request, response, context, type))
    if (!type || begun) await yoga(request, response, { ...context, error, ...(begun && { begun }) })
  }
  return (request, response, call) => {
    handle(request, response, call).catch((err) => {
      logger.error({ err, ...call.ids }, 'a request failed')
      response.destroy()
    })
  }
}

// It carries no key.
function isPreflight({ method }: IncomingMessage): boolean {
  return method === 'OPTIONS'
}
