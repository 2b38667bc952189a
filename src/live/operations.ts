import { type ExecutionArgs, type ExecutionResult, GraphQLError, parse } from 'graphql'
import { CloseCode, type Context as ConnectionContext, type ServerOptions } from 'graphql-ws'
import { isAsyncIterable } from 'graphql-yoga'
import { bearerKey } from '../auth/credentials.ts'
import type { Context, DoorContext, Services } from '../context.ts'
import type { Yoga } from '../yoga.ts'
import { Delivery } from './delivery.ts'
import type { Socket } from './socket.ts'

/** How long a client may take to introduce itself, in milliseconds. */
const INIT_MS = 3_000

interface Extra {
  socket: Socket
  /** What the client introduced itself with. */
  key?: string
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
export function operationsOver(yoga: Yoga, { authenticate, keyWatch }: Services): Options {
  return {
    connectionInitWaitTimeout: INIT_MS,
    async onConnect({ extra, connectionParams }) {
      const { socket } = extra
      extra.key = bearerKey(authorization(connectionParams))
      const viewer = await authenticate(extra.key)
      if (viewer.type === 'anonymous') return false
      socket.onGone(keyWatch.watch(viewer, () => socket.close(CloseCode.Forbidden, 'Forbidden')))
      return true
    },
    async onSubscribe({ extra: { socket, key } }, id, params) {
      const outcome = await socket.prepare(id, async () => {
        // Each time anew: a key may be revoked or expire while its socket is open.
        const viewer = await authenticate(key)
        if (viewer.type !== 'anonymous') return run(yoga, { viewer, peer: socket }, id, params)
        socket.close(CloseCode.Forbidden, 'Forbidden')
        return undefined
      })
      if (!outcome) return NOTHING
      if (!isAsyncIterable(outcome) && outcome.errors && !('data' in outcome)) return outcome.errors
      return { document: ANY_OPERATION, contextValue: undefined, rootValue: undefined, outcome } as unknown as Prepared
    },
    subscribe: (args) => {
      const { outcome } = args as Prepared
      return (isAsyncIterable(outcome) ? failing(outcome) : outcome) as never
    },
    onNext: ({ extra: { socket } }, id, _payload, _args, result) =>
      result instanceof Delivery ? socket.payload(id, result) : undefined,
  }
}

// What graphql-ws takes for a refusal, for a socket that is closed already.
const NOTHING = [new GraphQLError('The socket is closed.')]

type Params = Parameters<NonNullable<Options['onSubscribe']>>[2]

async function run(yoga: Yoga, door: DoorContext & { peer: Socket }, id: string, params: Params): Promise<Outcome> {
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
  return outcome
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
