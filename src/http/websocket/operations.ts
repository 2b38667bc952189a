import { type DocumentNode, type ExecutionResult, GraphQLError } from 'graphql'
import { CloseCode, type Context as ConnectionContext, type ServerOptions } from 'graphql-ws'
import type { Admit } from '../../accounts/admission.ts'
import type { Authenticate } from '../../accounts/authenticate.ts'
import { bearerKey } from '../../accounts/bearer-key.ts'
import { callerOf } from '../../accounts/caller-of.ts'
import type { KeyWatch } from '../../accounts/key-watch.ts'
import type { RateLimit } from '../../accounts/rate-limit.ts'
import { TemporaryError } from '../../accounts/temporary-error.ts'
import { ANONYMOUS, type Viewer } from '../../accounts/viewer.ts'
import { CodedError } from '../../errors.ts'
import type { CreateRequestContext } from '../../graphql/request-context.ts'
import type { Yoga } from '../../graphql/yoga.ts'
import { isLong, wholeJson } from '../../lib/budget/json-in-turns.ts'
import type { OperationBudget } from '../../lib/budget/operation-budget.ts'
import type { Call, Calls } from '../../lib/call.ts'
import type { AddressOf } from '../../lib/client-address.ts'
import type { Limits } from '../../lib/limits.ts'
import type { RequestContext } from '../../schema/context.ts'
import type { ConnectionLimit } from '../../subscriptions/connection-limit.ts'
import { Delivery } from '../../subscriptions/delivery.ts'
import { Subscription } from '../../subscriptions/subscription.ts'
import { errorPayload } from './error-payload.ts'
import { LiveFrames, positionPing } from './live-frames.ts'
import { ResultFrame } from './result-frame.ts'
import { type Socket, TRY_AGAIN } from './socket.ts'

/** Reasons of 4401, on which clients give up, in contrast to 4403; at most 123 bytes. */
const UNAUTHORIZED = {
  noKey: 'A valid API key is required. Send connectionParams { authorization: "Bearer KEY" }.',
  keyEnded: 'This API key has been revoked or has expired.',
} as const

/** Consecutive rate-limited operations before the socket is closed. */
const MAX_FAILURES = 100

export interface WebSocketServices {
  keyWatch: KeyWatch
  createRequestContext: CreateRequestContext
  admit: Admit
  authenticate: Authenticate
  addressOf: AddressOf
  calls: Calls
  connectionLimit: ConnectionLimit
  rate: RateLimit
  limits: Limits
}

interface Extra {
  socket: Socket
  address: string | undefined
  key?: string
  viewer?: Viewer
  failures: number
}

type Options = ServerOptions<Record<string, unknown>, Extra>

type OperationResult = ExecutionResult | Subscription

/** What graphql-ws is handed in place of execution arguments: the document that has run already, and its frames. */
interface Executed {
  readonly document: DocumentNode
  readonly operationName: string | null | undefined
  readonly rootValue: undefined
  readonly contextValue: undefined
  readonly frames: ResultFrame | LiveFrames
}

/** Runs the operations of WebSockets through the same pipeline as HTTP. */
export function operationsOver(
  yoga: Yoga,
  { admit, authenticate, keyWatch, rate, limits, connectionLimit, calls, createRequestContext }: WebSocketServices,
): Options {
  return {
    connectionInitWaitTimeout: 0,
    async onConnect(connection) {
      const { extra, connectionParams } = connection
      const { socket, address } = extra
      socket.begin()
      extra.key = bearerKey(authorization(connectionParams))
      // Nothing else reads them, and they contain the key.
      delete (connection as { connectionParams?: object }).connectionParams
      const { viewer, caller, error } = await admit(extra.key, address)
      if (viewer?.type === 'anonymous') {
        socket.close(CloseCode.Unauthorized, UNAUTHORIZED.noKey)
        return false
      }
      if (error || !connectionLimit.add(caller, socket)) {
        socket.close(TRY_AGAIN, error?.message ?? 'This API key has too many open connections. Close one first.')
        return false
      }
      extra.viewer = viewer
      socket.admit(caller)
      const onKeyEnded = () => socket.close(CloseCode.Unauthorized, UNAUTHORIZED.keyEnded)
      keyWatch.watch(viewer, onKeyEnded)
      socket.onGone(() => keyWatch.unwatch(viewer, onKeyEnded))
      return true
    },
    // The whole pipeline runs here and not in `execute`: it also limits, parses and validates what the client sent, and
    // graphql-ws does that only before `execute`, by other rules.
    async onSubscribe({ extra, subscriptions }, id, params) {
      const { socket, key, viewer: client = ANONYMOUS, address } = extra
      const { message } = socket
      const call = calls.overSocket(socket.id, id)
      const underWay = socket.underWay(Object.keys(subscriptions))
      const prepared = socket.prepare(id, async () => {
        // Before any database access.
        const error = (await rate.count(callerOf(client, address))) ?? crowded(underWay, limits.operationsPerSocket)
        extra.failures = error ? extra.failures + 1 : 0
        if (extra.failures > MAX_FAILURES) socket.close(TRY_AGAIN, error?.message)
        if (error) return { result: { errors: [toGraphqlError(error)] } }
        // For each operation: a key may be revoked or expire while its socket is open.
        const viewer = await authenticate(key).catch(() => undefined)
        if (!viewer) return { result: { errors: [toGraphqlError(TemporaryError.keyUnavailable())] } }
        if (viewer.type === 'anonymous') {
          socket.close(CloseCode.Unauthorized, UNAUTHORIZED.keyEnded)
          call.end('UNAUTHENTICATED')
          return undefined
        }
        const context = createRequestContext({ viewer, caller: callerOf(viewer, address) }, socket, {
          call,
          // The cursor to resume from if the socket breaks before the first event.
          onStart: (cursor) => void socket.send(positionPing(id, cursor)),
        })
        return run(yoga, context, params)
      })
      const { result, budget } = (await ended(call, prepared)) ?? {}
      if (!result) return NOTHING
      const isLive = result instanceof Subscription
      if (!isLive && result.errors && !('data' in result)) return result.errors
      return {
        document: call.document,
        operationName: params.operationName || undefined,
        rootValue: undefined,
        contextValue: undefined,
        frames: isLive
          ? new LiveFrames(socket, id, subscriptions, message, result)
          : new ResultFrame(socket, id, result, budget),
      } as Executed as never
    },
    execute: (args) => (args as unknown as Executed).frames as never,
    subscribe: (args) => (args as unknown as Executed).frames as never,
    onError: (_connection, _id, _payload, errors) => errors.map(errorPayload),
  }
}

async function ended(call: Call, prepared: Promise<BudgetedResult | undefined>): Promise<BudgetedResult | undefined> {
  try {
    const run = await prepared
    if (run && !(run.result instanceof Subscription)) call.note(run.result.errors)
    call.end(run ? call.outcome : 'BAD_REQUEST')
    return run
  } catch (error) {
    call.end('INTERNAL_SERVER_ERROR')
    throw error
  }
}

function crowded(underWay: number, most: number): CodedError | undefined {
  return underWay > most
    ? new CodedError('RATE_LIMITED', `A socket can run at most ${most} operations at a time. Complete one first.`)
    : undefined
}

function toGraphqlError({ message, code, details }: CodedError): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...details } })
}

// graphql-ws takes errors as a rejected subscription; this socket is closed already.
const NOTHING = [new GraphQLError('The socket is closed.')]

/** A result and, for a complete result, its budget, to be released once that is sent. */
interface BudgetedResult {
  result: OperationResult
  budget?: OperationBudget
}

type Params = Parameters<NonNullable<Options['onSubscribe']>>[2]

async function run(yoga: Yoga, context: RequestContext, params: Params): Promise<BudgetedResult> {
  const { query, operationName, variables, extensions } = params
  // Yoga rejects mutations over GET.
  const request = new Request('http://localhost/graphql', { method: 'POST' })
  const { budget } = context
  try {
    const result = (await yoga.getResultForParams(
      {
        params: {
          query,
          // Over HTTP, too, an empty name is none.
          operationName: operationName || undefined,
          variables: variables ?? undefined,
          extensions: extensions ?? undefined,
        },
        request,
      },
      // Yoga mutates the object it is given.
      { ...context },
    )) as OperationResult
    if (!(result instanceof Subscription) && 'data' in result) return { result: await written(result, budget), budget }
    budget.release()
    return { result }
  } catch (error) {
    budget.release()
    if (error instanceof CodedError) return { result: { errors: [toGraphqlError(error)] } }
    throw error
  }
}

/** Serializes a long result in slices, as a WebSocket message is sent in one piece. */
async function written(result: ExecutionResult, budget: OperationBudget): Promise<ExecutionResult> {
  if (!isLong(budget)) return result
  const { data, errors } = result
  return new Delivery(result, undefined, { json: await wholeJson({ data, errors }, budget) })
}

function authorization(params: ConnectionContext['connectionParams']): string | undefined {
  const [, value] = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return typeof value === 'string' ? value : undefined
}
