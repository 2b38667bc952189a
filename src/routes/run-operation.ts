import type { ExecutionResult, GraphQLError } from 'graphql'
import { isAsyncIterable } from 'graphql-yoga'
import type { Yoga } from '../graphql/yoga.ts'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Context, DoorContext } from '../schema/context.ts'

declare const types: unique symbol

/** A fixed GraphQL document with the types of its variables and of its data, which are written by hand. */
export interface Operation<Variables, Data> {
  readonly query: string
  readonly [types]?: (variables: Variables) => Data
}

/** What an operation gave: its data, or the code of what a caller has to do with its being refused. */
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

/** Nobody's id: asking for it finds out only whether the caller's key is one. */
export const NOBODY = '00000000-0000-0000-0000-000000000000'

/** Runs operations as one caller. */
export type Run = <Variables extends object, Data>(
  operation: Operation<Variables, Data>,
  variables: Variables,
) => Promise<Answer<Data>>

/**
 * Runs operations through Yoga's own pipeline, so that a legacy call has the context, rights, limits, masking and resolvers of
 * any other. Data is not serialised yet: times are `Date`s.
 * @param door says who calls.
 * @param viewerNow asks again who calls, before each operation.
 * @throws Overloaded for what may be tried again, Error for every refusal that is not the caller's to understand; its cause is masked and logged already.
 */
export function createRun(yoga: Yoga, request: Request, door: DoorContext, viewerNow = async () => door.viewer): Run {
  // What the newest operation has read is held until it has been written: until the next one, or the end of the connection.
  let held: OperationBudget | undefined
  door.peer?.onGone(() => held?.release())
  return async <Variables extends object, Data>(operation: Operation<Variables, Data>, variables: Variables) => {
    held?.release()
    // Yoga writes into this object, the operation's context among others: every operation needs its own.
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
    if (!result || !('data' in result || 'errors' in result)) throw new Error('The pipeline gave no result.')
    const error = result.errors?.[0]
    if (!error) return { data: result.data as Data }
    if (error.extensions.code === 'RATE_LIMITED') throw new Overloaded(error)
    return { refusal: refusalOf(error) }
  }
}

/** What is asked for has to wait until the caller, or the server, has less under way. */
export class Overloaded extends Error {
  /** In seconds. */
  readonly retryAfter: number

  constructor({ message, extensions }: GraphQLError) {
    super(message)
    this.name = 'Overloaded'
    this.retryAfter = Number(extensions.retryAfter ?? 1)
  }
}

function refusalOf(error: GraphQLError | undefined): Refusal {
  const refusal = REFUSALS.find((code) => code === error?.extensions.code)
  if (!refusal) throw new Error(`The pipeline refused: ${reason(error)}`)
  return refusal
}

// With the id under which the log has more, if it was masked.
function reason({ extensions }: Partial<GraphQLError> = {}): string {
  return [extensions?.code, extensions?.errorId].filter(Boolean).join(' ')
}

/** Follows as one caller: what a subscription gives, until it ends or is left. */
export type Follow = <Variables extends object, Data>(
  operation: Operation<Variables, Data>,
  variables: Variables,
) => Promise<Answer<Followed<Data>>>

/** What a subscription gives. `return` leaves it, also while it waits. */
interface Followed<Data> extends AsyncIterableIterator<Data, undefined> {
  return(): Promise<IteratorResult<Data, undefined>>
}

/** The same as `createRun` for subscriptions. An error in mid-stream is thrown to whoever reads it. */
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

// Not an async function*: that one could not be left while it waits.
function dataOf<Data>(results: AsyncIterable<ExecutionResult>): Followed<Data> {
  const iterator = results[Symbol.asyncIterator]()
  return {
    async next() {
      const { done, value } = await iterator.next()
      if (done) return { done, value: undefined }
      if (value.errors) {
        await iterator.return?.()
        throw new Error(`The stream was ended: ${reason(value.errors[0])}`)
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
