import { type ExecutionArgs, type ExecutionResult, GraphQLError, type GraphQLFormattedError, parse } from 'graphql'
import { CloseCode, type Context as ConnectionContext, type ServerOptions } from 'graphql-ws'
import { isAsyncIterable } from 'graphql-yoga'
import type { Admit } from '../../accounts/admission.ts'
import type { Authenticate } from '../../accounts/authenticate.ts'
import { bearerKey } from '../../accounts/bearer-key.ts'
import { callerOf } from '../../accounts/caller-of.ts'
import type { RequestRate } from '../../accounts/rate-limit.ts'
import { Refusal } from '../../accounts/refusal.ts'
import { ANONYMOUS, type Viewer } from '../../accounts/viewer.ts'
import { CodedError } from '../../errors.ts'
import type { Services } from '../../graphql/create-context.ts'
import type { Yoga } from '../../graphql/yoga.ts'
import { isLong, wholeJson } from '../../lib/budget/json-in-turns.ts'
import type { OperationBudget } from '../../lib/budget/operation-budget.ts'
import type { Call, Calls } from '../../lib/call.ts'
import type { AddressOf } from '../../lib/client-address.ts'
import type { Limits } from '../../lib/limits.ts'
import type { Context, DoorContext } from '../../schema/context.ts'
import type { ConnectionLimit } from '../../subscriptions/connection-limit.ts'
import { Delivery } from '../../subscriptions/delivery.ts'
import { type Socket, TRY_AGAIN } from './socket.ts'

const INIT_MS = 3_000

const TOO_MANY = 4429

/** Consecutive refused operations before the socket is closed. */
const MAX_REFUSALS = 100

export interface Gate extends Pick<Services, 'keyWatch'> {
  admit: Admit
  authenticate: Authenticate
  addressOf: AddressOf
  calls: Calls
  counts: ConnectionLimit
  rate: RequestRate
  limits: Limits
}

interface Extra {
  socket: Socket
  address: string | undefined
  key?: string
  viewer?: Viewer
  refusals: number
  readonly held: Map<string, OperationBudget>
}

type Options = ServerOptions<Record<string, unknown>, Extra>

type Outcome = ExecutionResult | AsyncIterable<ExecutionResult>

/** Passed to graphql-ws in place of execution arguments: the operation has already run. */
interface Prepared extends ExecutionArgs {
  outcome: Outcome
}

// graphql-ws only checks whether it is a subscription, which may have any kind of result.
const ANY_OPERATION = parse('subscription { any }')

/** Runs the operations of WebSockets through the same pipeline as HTTP. */
export function operationsOver(
  yoga: Yoga,
  { admit, authenticate, keyWatch, rate, limits, counts, calls }: Gate,
): Options {
  return {
    connectionInitWaitTimeout: INIT_MS,
    async onConnect({ extra, connectionParams }) {
      const { socket, address } = extra
      extra.key = bearerKey(authorization(connectionParams))
      const { viewer, caller, refusal } = await admit(extra.key, address)
      if (viewer?.type === 'anonymous') return false
      if (refusal || !counts.add(caller, socket)) {
        if (refusal?.code === 'UNAVAILABLE') socket.close(TRY_AGAIN, 'Try again later')
        else socket.close(TOO_MANY, refusal ? 'Too many requests' : 'Too many sockets')
        return false
      }
      extra.viewer = viewer
      socket.admit(caller)
      socket.onGone(keyWatch.watch(viewer, () => socket.close(CloseCode.Forbidden, 'Forbidden')))
      return true
    },
    async onSubscribe({ extra, subscriptions }, id, params) {
      const { socket, key, viewer: client = ANONYMOUS, address, held } = extra
      const call = calls.overSocket(socket.id, id)
      const underWay = socket.underWay(Object.keys(subscriptions))
      const prepared = socket.prepare(id, async () => {
        // Before any database access.
        const refusal = (await rate.count(callerOf(client, address))) ?? crowded(underWay, limits.operationsPerSocket)
        extra.refusals = refusal ? extra.refusals + 1 : 0
        if (extra.refusals > MAX_REFUSALS) socket.close(TOO_MANY, 'Too many requests')
        if (refusal) return { errors: [refused(refusal)] }
        // For each operation: a key may be revoked or expire while its socket is open.
        const viewer = await authenticate(key).catch(() => undefined)
        if (!viewer) return { errors: [refused(Refusal.keyUnavailable())] }
        if (viewer.type === 'anonymous') {
          socket.close(CloseCode.Forbidden, 'Forbidden')
          call.end('UNAUTHENTICATED')
          return undefined
        }
        const door = { viewer, caller: callerOf(viewer, address), peer: socket, call }
        const { outcome, budget } = await run(yoga, door, id, params)
        if (budget) held.set(id, budget)
        return outcome
      })
      const outcome = await ended(call, prepared)
      if (!outcome) return NOTHING
      if (!isAsyncIterable(outcome) && outcome.errors && !('data' in outcome)) return outcome.errors
      return { document: ANY_OPERATION, contextValue: undefined, rootValue: undefined, outcome } as unknown as Prepared
    },
    subscribe: (args) => {
      const { outcome } = args as Prepared
      return (isAsyncIterable(outcome) ? failing(outcome) : outcome) as never
    },
    onError: (_connection, _id, _payload, errors) => errors.map(withoutStatus),
    onComplete({ extra: { held } }, id) {
      held.get(id)?.release()
      held.delete(id)
    },
    onNext: ({ extra: { socket } }, id, _payload, _args, result) =>
      result instanceof Delivery ? socket.payload(id, result) : undefined,
  }
}

async function ended(call: Call, prepared: Promise<Outcome | undefined>): Promise<Outcome | undefined> {
  try {
    const outcome = await prepared
    if (outcome && !isAsyncIterable(outcome)) call.note(outcome.errors)
    call.end(outcome ? call.outcome : 'BAD_REQUEST')
    return outcome
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

function refused({ message, code, details }: CodedError): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...details } })
}

function withoutStatus(error: GraphQLError): GraphQLFormattedError {
  const { extensions: { http: _, ...extensions } = {}, ...rest } = error.toJSON()
  return { ...rest, extensions }
}

// graphql-ws takes errors as a refusal; this socket is closed already.
const NOTHING = [new GraphQLError('The socket is closed.')]

/** An outcome and, for a complete result, its budget, to be released once that is sent. */
interface Run {
  outcome: Outcome
  budget?: OperationBudget
}

type Params = Parameters<NonNullable<Options['onSubscribe']>>[2]

async function run(yoga: Yoga, door: DoorContext & { peer: Socket }, id: string, params: Params): Promise<Run> {
  const { query, operationName, variables, extensions } = params
  // Yoga refuses mutations over GET.
  const request = new Request('http://localhost/graphql', { method: 'POST' })
  // Yoga builds the operation's context from this object.
  const context: DoorContext & Partial<Context> & { request: Request } = { request, ...door }
  const outcome = (await yoga.getResultForParams(
    {
      params: {
        query,
        operationName: operationName ?? undefined,
        variables: variables ?? undefined,
        extensions: extensions ?? undefined,
      },
      request,
    },
    context,
  )) as Outcome
  // The cursor to resume from if the socket breaks before the first event.
  if (context.start) void door.peer.send(JSON.stringify({ type: 'ping', payload: { id, cursor: context.start } }))
  const { budget } = context
  if (isAsyncIterable(outcome) || !('data' in outcome)) budget?.release()
  else if (budget) return written(outcome, budget)
  return { outcome }
}

/** Serializes a long result in slices, as a WebSocket message is sent in one piece. */
async function written(result: ExecutionResult, budget: OperationBudget): Promise<Run> {
  if (!isLong(budget)) return { outcome: result, budget }
  const { data, errors } = result
  try {
    return { outcome: new Delivery(result, undefined, { json: await wholeJson({ data, errors }, budget) }), budget }
  } catch (error) {
    budget.release()
    if (error instanceof CodedError) return { outcome: { errors: [refused(error)] } }
    throw error
  }
}

/** Throws the error that ends a subscription, which the pipeline yields as its last result. */
function failing(results: AsyncIterable<ExecutionResult>): AsyncIterableIterator<ExecutionResult> {
  const iterator = results[Symbol.asyncIterator]()
  return {
    async next() {
      const next = await iterator.next()
      const [error] = next.done || 'data' in next.value ? [] : (next.value.errors ?? [])
      if (!error) return next
      await iterator.return?.()
      throw error
    },
    async return() {
      await iterator.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

function authorization(params: ConnectionContext['connectionParams']): string | undefined {
  const [, value] = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return typeof value === 'string' ? value : undefined
}
