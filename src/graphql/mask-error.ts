import { randomBytes } from 'node:crypto'
import { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import { Prisma } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import type { Call } from '../lib/call.ts'

// The documented code of what the ORM refuses. Everything else it throws is a surprise.
const PRISMA_REFUSALS: Record<string, CodedError> = {
  P2002: new CodedError('CONFLICT', 'Something with this id or tracking id exists already.'),
  P2003: new CodedError('NOT_FOUND', 'Something that this refers to does not exist.'),
  P2025: new CodedError('NOT_FOUND', 'Something that this refers to does not exist.'),
}

const TOO_DEEP = new CodedError('BAD_USER_INPUT', 'The operation is nested too deep.')

/** Makes of an error what may leave the server. @param call whose error it is, where that is known. */
export type MaskError = (error: unknown, message: string, call?: Call) => Error

/** Gives every error that leaves the server its code. What is nobody's mistake but ours is logged, and masked under an id to find it by. */
export function createMaskError(logger: Logger): MaskError {
  return (error, message, call) => {
    // A subscription's own source throws errors that nothing has wrapped.
    const wrapped = error instanceof GraphQLError ? error : new GraphQLError(message, { originalError: error as Error })
    const { originalError, nodes, source, positions, path, extensions } = wrapped
    const where = { nodes, source, positions, path }
    const refusal = refusalOf(originalError) ?? (error === wrapped ? undefined : unreadable(error))
    if (refusal)
      return new GraphQLError(refusal.message, { ...where, extensions: { ...refusal.details, code: refusal.code } })
    if (originalError && !(originalError instanceof GraphQLError)) return mask(originalError, message, where, call)
    if (extensions.originalError || extensions.code === 'OPERATION_RESOLUTION_FAILURE') return badRequest(wrapped)
    if (extensions.code) return wrapped
    // What is left are arguments and variables that the executor could not coerce.
    return new GraphQLError(wrapped.message, { ...where, extensions: { ...extensions, code: 'BAD_USER_INPUT' } })
  }

  function mask(error: unknown, message: string, where: object, call: Call | undefined): GraphQLError {
    const errorId = randomBytes(6).toString('hex')
    logger.error({ err: error, errorId, ...call?.ids }, 'unexpected error')
    if (call) call.told = true
    return new GraphQLError(message, { ...where, extensions: { code: 'INTERNAL_SERVER_ERROR', errorId } })
  }
}

// Thrown before there is an operation: `variables` or `extensions` in an address or a form that are no JSON, and what Node says
// of a body whose sender has gone before its end.
function unreadable(error: unknown): CodedError | undefined {
  if (error instanceof SyntaxError)
    return new CodedError('BAD_USER_INPUT', `The request cannot be read: ${error.message}`)
  return error instanceof Error && error.message === 'aborted' && 'code' in error && error.code === 'ECONNRESET'
    ? new CodedError('BAD_USER_INPUT', 'The request has not arrived as a whole.')
    : undefined
}

// For a body that is no JSON Yoga tells what the parser threw, for an operation that is not there it has a code of its own.
function badRequest({ message }: GraphQLError): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } })
}

function refusalOf(error: unknown): CodedError | undefined {
  if (error instanceof CodedError) return error
  if (error instanceof RangeError && error.message.includes('call stack')) return TOO_DEEP
  return error instanceof Prisma.PrismaClientKnownRequestError ? PRISMA_REFUSALS[error.code] : undefined
}
