import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Admit, Identity } from '../accounts/admission.ts'
import { bearerKey } from '../accounts/bearer-key.ts'
import { callerOf } from '../accounts/caller-of.ts'
import type { RateLimit } from '../accounts/rate-limit.ts'
import type { RememberedKeys } from '../accounts/remembered-keys.ts'
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
import { createRememberedAppends, type Progress } from './remembered-appends.ts'

interface GraphqlServices {
  readonly admit: Admit
  readonly keys: RememberedKeys
  readonly rate: RateLimit
  readonly addressOf: AddressOf
  readonly responses: OpenResponses
  readonly createRequestContext: CreateRequestContext
  readonly readBody: ReadRequestBody
  readonly compiled: CompiledOperations
}

/** Serves `/graphql` over HTTP. Callers are resolved before the body is read; Yoga sends the error of a rejection. */
export function createGraphqlHandler(
  yoga: Yoga,
  { admit, keys, rate, addressOf, responses, createRequestContext, readBody, compiled }: GraphqlServices,
  logger: Logger,
): (request: IncomingMessage, response: ServerResponse, call: Call) => void {
  const json = createJsonOperations(yoga, compiled, readBody)
  const runRemembered = createRememberedAppends({ keys, rate, compiled, json })
  const handle = async (request: IncomingMessage, response: ServerResponse, call: Call): Promise<void> => {
    const address = addressOf(request)
    const key = bearerKey(request.headers.authorization)
    const type = jsonTypeOf(request)
    const createContext = (identity: Identity) => {
      const open = responses.of(response, identity, call)
      const onStart = (cursor: string) => open.begin(cursor)
      const context = createRequestContext(identity, open, { call, lastEventId: lastEventIdOf(request), onStart })
      open.onGone(() => context.budget.release())
      return context
    }
    const progress = type ? await runRemembered(request, response, { key, address, type }, createContext) : NOTHING
    if (!progress) return
    if (progress.context) return void (await yoga(request, response, { ...progress.context, begun: progress.begun }))
    const anonymous: Identity = { viewer: ANONYMOUS, caller: callerOf(ANONYMOUS, address) }
    const admitted = isPreflight(request) ? anonymous : await admit(key, address)
    if (response.destroyed) return
    const error = 'error' in admitted ? admitted.error : undefined
    const identity = admitted.viewer ? admitted : anonymous
    const context = createContext(identity)
    let { begun } = progress
    if (type && !error && identity.viewer.type !== 'anonymous') {
      if (!begun.params && !begun.body) begun = await json.read(request, context)
      const left = begun.params ? await json.respond(response, context, type, begun.params) : begun
      if (!left) return
      begun = left
    }
    await yoga(request, response, { ...context, error, begun })
  }
  return (request, response, call) => {
    handle(request, response, call).catch((err) => {
      logger.error({ err, ...call.ids }, 'a request failed')
      response.destroy()
    })
  }
}

const NOTHING: Progress = { begun: {} }

// It carries no key.
function isPreflight({ method }: IncomingMessage): boolean {
  return method === 'OPTIONS'
}
