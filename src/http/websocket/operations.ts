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
import type { Socket } from './socket.ts'

/** How long a client may take to introduce itself, in milliseconds. */
const INIT_MS = 3_000

/** "Too Many Requests", as graphql-ws numbers what HTTP has a status for. */
const TOO_MANY = 4429

/** How often in a row a client may be told that it asks for too much before its socket is closed. */
const MAX_REFUSALS = 100

/** "Try again later", as WebSocket itself has it. */
const TRY_AGAIN = 1013

/** Who comes in, and how much of it. */
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
  /** Where it comes from. */
  address: string | undefined
  /** What the client introduced itself with. */
  key?: string
  /** Who it was then. */
  viewer?: Viewer
  /** How many of its operations were refused in a row for being too many. */
  refusals: number
  /** What the results that are being sent hold, by operation. */
  readonly held: Map<string, OperationBudget>
}

type Options = ServerOptions<Record<string, unknown>, Extra>

type Outcome = ExecutionResult | AsyncIterable<ExecutionResult>

/** What graphql-ws is given to go on with: the operation has been run already. */
interface Prepared extends ExecutionArgs {
  outcome: Outcome
}

// graphql-ws asks of an operation only whether it is a subscription; anything may come of one.
const ANY_OPERATION = parse('subscription { any }')

/** Runs the operations of WebSockets through the pipeline, like those that come over HTTP. */
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
        // Before the database is asked for anything.
        const refusal = (await rate.count(callerOf(client, address))) ?? crowded(underWay, limits.operationsPerSocket)
        extra.refusals = refusal ? extra.refusals + 1 : 0
        if (extra.refusals > MAX_REFUSALS) socket.close(TOO_MANY, 'Too many requests')
        if (refusal) return { errors: [refused(refusal)] }
        // Each time anew: a key may be revoked or expire while its socket is open.
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

/** The same outcome, once it is known what the call has come to. */
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
  return underWay > most ? new CodedError('RATE_LIMITED', `A socket may have ${most} operations at a time.`) : undefined
}

function refused({ message, code, details }: CodedError): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...details } })
}

/** An error as it is sent, without what it would make of an answer over HTTP. */
function withoutStatus(error: GraphQLError): GraphQLFormattedError {
  const { extensions: { http: _, ...extensions } = {}, ...rest } = error.toJSON()
  return { ...rest, extensions }
}

// What graphql-ws takes for a refusal, for a socket that is closed already.
const NOTHING = [new GraphQLError('The socket is closed.')]

/** What came of an operation, and the budget of a result that is there: to be released when that has been sent. */
interface Run {
  outcome: Outcome
  budget?: OperationBudget
}

type Params = Parameters<NonNullable<Options['onSubscribe']>>[2]

async function run(yoga: Yoga, door: DoorContext & { peer: Socket }, id: string, params: Params): Promise<Run> {
  const { query, operationName, variables, extensions } = params
  // A socket is no GET, over which Yoga refuses mutations.
  const request = new Request('http://localhost/graphql', { method: 'POST' })
  // Yoga makes the operation's context of this object.
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
  // What a reader resumes from when the socket breaks before the first event.
  if (context.start) void door.peer.send(JSON.stringify({ type: 'ping', payload: { id, cursor: context.start } }))
  const { budget } = context
  if (isAsyncIterable(outcome) || !('data' in outcome)) budget?.release()
  else if (budget) return written(outcome, budget)
  return { outcome }
}

/** The same result, with its text made in turns where it is long: as a message it is sent in one go. */
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

/** The same results, but for an error that ends them: the pipeline gives it as the last one, and here it is thrown. */
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

/** The `authorization` of a connection's parameters, in whichever case its name is written. */
function authorization(params: ConnectionContext['connectionParams']): string | undefined {
  const [, value] = Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'authorization') ?? []
  return typeof value === 'string' ? value : undefined
}
