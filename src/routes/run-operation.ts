import type { ExecutionResult, GraphQLError } from 'graphql'
import { isAsyncIterable } from 'graphql-yoga'
import type { Yoga } from '../graphql/yoga.ts'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Context, DoorContext } from '../schema/context.ts'

declare const types: unique symbol

/** A fixed GraphQL document with hand-written types of its variables and data. */
export interface Operation<Variables, Data> {
  readonly query: string
  readonly [types]?: (variables: Variables) => Data
}

type Answer<Data> =
  | { readonly data: Data; readonly refusal?: undefined }
  | { readonly data?: undefined; readonly refusal: Refusal }

type Refusal = (typeof REFUSALS)[number]

const REFUSALS = [
  'UNAUTHENTICATED',
  'NOT_FOUND',
  'CURSOR_INVALID',
  'CURSOR_EXPIRED',
  'BAD_USER_INPUT',
  'RATE_LIMITED',
] as const

/** Matches no entity: looking it up only checks the caller's key. */
export const NOBODY = '00000000-0000-0000-0000-000000000000'

export type Run = <Variables extends object, Data>(
  operation: Operation<Variables, Data>,
  variables: Variables,
) => Promise<Answer<Data>>

/**
 * Runs operations through Yoga's pipeline, with its context, rights, limits and masking; times stay `Date`s.
 * @param viewerNow authenticates again before each operation.
 * @throws Overloaded for RATE_LIMITED, Error for other unexpected codes, which are already masked and logged.
 */
export function createRun(yoga: Yoga, request: Request, door: DoorContext, viewerNow = async () => door.viewer): Run {
  // The last operation's memory is held until its result is written: until the next one or the connection's end.
  let held: OperationBudget | undefined
  door.peer?.onGone(() => held?.release())
  return async <Variables extends object, Data>(operation: Operation<Variables, Data>, variables: Variables) => {
    held?.release()
    // Yoga mutates this object, so every operation needs its own.
    const viewer = await viewerNow()
    const context: DoorContext & Partial<Context> & { request: Request } = {
      request,
      ...door,
      viewer,
      ownDocument: true,
    }
    const result = await yoga.getResultForParams(
      { params: { query: operation.query, variables: { ...variables } }, request },
      context,
    )
    held = context.budget
    if (!result || !('data' in result || 'errors' in result)) throw new Error('The pipeline returned no result.')
    const error = result.errors?.[0]
    if (!error) return { data: result.data as Data }
    if (error.extensions.code === 'RATE_LIMITED') throw new Overloaded(error)
    return { refusal: refusalOf(error) }
  }
}

/** The caller or the server has too much under way; retry after `retryAfter` seconds. */
export class Overloaded extends Error {
  readonly retryAfter: number

  constructor({ message, extensions }: GraphQLError) {
    super(message)
    this.name = 'Overloaded'
    this.retryAfter = Number(extensions.retryAfter ?? 1)
  }
}

function refusalOf(error: GraphQLError | undefined): Refusal {
  const refusal = REFUSALS.find((code) => code === error?.extensions.code)
  if (!refusal) throw new Error(`The pipeline failed: ${reason(error)}`)
  return refusal
}

// `errorId` finds a masked error in the log.
function reason({ extensions }: Partial<GraphQLError> = {}): string {
  return [extensions?.code, extensions?.errorId].filter(Boolean).join(' ')
}

export type Follow = <Variables extends object, Data>(
  operation: Operation<Variables, Data>,
  variables: Variables,
) => Promise<Answer<Followed<Data>>>

interface Followed<Data> extends AsyncIterableIterator<Data, undefined> {
  return(): Promise<IteratorResult<Data, undefined>>
}

/** Like `createRun`, for subscriptions; an error in mid-stream is thrown to the reader. */
export function createFollow(yoga: Yoga, request: Request, door: DoorContext): Follow {
  return async <Variables extends object, Data>(operation: Operation<Variables, Data>, variables: Variables) => {
    const params = { query: operation.query, variables: { ...variables } }
    const context = { request, ...door, ownDocument: true } as const
    const result = await yoga.getResultForParams({ params, request }, context)
    if (isAsyncIterable(result)) return { data: dataOf<Data>(result as AsyncIterable<ExecutionResult>) }
    const error = (result as ExecutionResult | undefined)?.errors?.[0]
    return { refusal: refusalOf(error) }
  }
}

// Not an async generator: its `return` would wait for a pending `next`.
function dataOf<Data>(results: AsyncIterable<ExecutionResult>): Followed<Data> {
  const iterator = results[Symbol.asyncIterator]()
  return {
    async next() {
      const { done, value } = await iterator.next()
      if (done) return { done, value: undefined }
      if (value.errors) {
        await iterator.return?.()
        throw new Error(`The stream ended: ${reason(value.errors[0])}`)
      }
      return { done: false, value: value.data as Data }
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
