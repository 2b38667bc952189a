import type { ExecutionResult, GraphQLError } from 'graphql'
import { mapAsyncIterator } from 'graphql-yoga'
import { isTemporary } from '../errors.ts'
import type { Yoga } from '../graphql/yoga.ts'
import { type Outcome, outcomeOf } from '../lib/outcome.ts'
import type { RequestContext } from '../schema/context.ts'
import { PulledResults } from '../subscriptions/pulled-results.ts'
import { Subscription } from '../subscriptions/subscription.ts'

declare const types: unique symbol

/** A fixed GraphQL document with hand-written types of its variables and data. */
export interface Operation<Variables, Data> {
  readonly query: string
  readonly [types]?: (variables: Variables) => Data
}

type OperationResult<Data> =
  | { readonly data: Data; readonly errorCode?: undefined }
  | { readonly data?: undefined; readonly errorCode: ExpectedCode }

export type ExpectedCode = (typeof EXPECTED_CODES)[number]

const EXPECTED_CODES = [
  'UNAUTHENTICATED',
  'NOT_FOUND',
  'CURSOR_INVALID',
  'CURSOR_EXPIRED',
  'EPOCH_CHANGED',
  'BAD_USER_INPUT',
  'RATE_LIMITED',
] as const

export type Run = <Variables extends object, Data>(
  operation: Operation<Variables, Data>,
  variables: Variables,
) => Promise<OperationResult<Data>>

/** Makes the context of the next operation; it may authenticate again. */
export type NextContext = () => RequestContext | Promise<RequestContext>

/** Times stay `Date`s. @throws OverloadedError: RATE_LIMITED, UNAVAILABLE; Error for other unexpected codes, logged. */
export function createRun(yoga: Yoga, request: Request, nextContext: NextContext): Run {
  // The last operation's memory is held until its result is written: until the next one or the connection's end.
  let release = () => {}
  return async <Variables extends object, Data>(operation: Operation<Variables, Data>, variables: Variables) => {
    release()
    const context = await nextContext()
    const forget = context.peer.onGone(() => context.budget.release())
    release = () => {
      forget()
      context.budget.release()
    }
    const params = { query: operation.query, variables: { ...variables } }
    // Yoga mutates the object it is given.
    const result = await yoga.getResultForParams({ params, request }, { ...context })
    if (!result || !('data' in result || 'errors' in result)) throw new Error('The pipeline returned no result.')
    const error = result.errors?.[0]
    return error ? { errorCode: codeOfError(error) } : { data: result.data as Data }
  }
}

/** A document has failed, for a reason that clients may know or that the pipeline has logged. */
export class RunError extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome, message: string) {
    super(message)
    this.name = 'RunError'
    this.outcome = outcome
  }
}

/** The route cannot go on after a code that it expects. */
export class ReadFailedError extends RunError {
  readonly code: ExpectedCode

  constructor(code: ExpectedCode) {
    super(code === 'EPOCH_CHANGED' ? 'CURSOR_EXPIRED' : code, `Reading failed: ${code}`)
    this.name = 'ReadFailedError'
    this.code = code
  }
}

/** Too much is under way, or the database is unavailable; retry after `retryAfter` seconds. */
export class OverloadedError extends RunError {
  readonly retryAfter: number
  readonly status: 429 | 503

  constructor({ message, extensions }: GraphQLError) {
    super(extensions.code === 'UNAVAILABLE' ? 'UNAVAILABLE' : 'RATE_LIMITED', message)
    this.name = 'OverloadedError'
    this.retryAfter = Number(extensions.retryAfter ?? 1)
    this.status = extensions.code === 'UNAVAILABLE' ? 503 : 429
  }
}

/** The code of an error that clients may know. @throws OverloadedError if it may pass, RunError if it is another. */
export function codeOfError(error: GraphQLError): ExpectedCode {
  if (isTemporary(error.extensions.code)) throw new OverloadedError(error)
  return errorCodeOf(error)
}

function errorCodeOf(error: GraphQLError | undefined): ExpectedCode {
  const { code, reason: why } = error?.extensions ?? {}
  const errorCode = EXPECTED_CODES.find((expected) => expected === (why === 'EPOCH_CHANGED' ? why : code))
  if (!errorCode) throw failed('The pipeline failed', error)
  return errorCode
}

// `errorId` finds a masked error in the log.
function failed(what: string, error: GraphQLError | undefined): Error {
  const { code, errorId } = error?.extensions ?? {}
  const message = `${what}: ${[code, errorId].filter(Boolean).join(' ')}`
  return error ? new RunError(outcomeOf([error]), message) : new Error(message)
}

export type Follow = <Variables extends object, Data>(
  operation: Operation<Variables, Data>,
  variables: Variables,
) => Promise<OperationResult<AsyncIterableIterator<Data>>>

/** Like `createRun`, for subscriptions; an error in mid-stream is thrown to the reader. */
export function createFollow(yoga: Yoga, request: Request, nextContext: NextContext): Follow {
  return async <Variables extends object, Data>(operation: Operation<Variables, Data>, variables: Variables) => {
    const params = { query: operation.query, variables: { ...variables } }
    const context = await nextContext()
    const result = await followed(yoga, { params, request }, context)
    if (result instanceof Subscription) return { data: dataOf<Data>(new PulledResults(result, context.budget)) }
    const error = (result as ExecutionResult | undefined)?.errors?.[0]
    if (error?.extensions.code === 'UNAVAILABLE') throw new OverloadedError(error)
    return { errorCode: errorCodeOf(error) }
  }
}

// The budget is that of the start: each event has its own.
async function followed(yoga: Yoga, operation: Parameters<Yoga['getResultForParams']>[0], context: RequestContext) {
  try {
    return await yoga.getResultForParams(operation, { ...context })
  } finally {
    context.budget.release()
  }
}

// Not an async generator: its `return` would wait for a pending `next`.
function dataOf<Data>(results: AsyncIterable<ExecutionResult>): AsyncIterableIterator<Data> {
  return mapAsyncIterator(results, ({ data, errors }) => {
    if (errors) throw failed('The stream ended', errors[0])
    return data as Data
  })
}
