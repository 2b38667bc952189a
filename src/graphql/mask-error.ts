import { randomBytes } from 'node:crypto'
import { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import { READ_ONLY } from '../db/disk-space.ts'
import { Prisma } from '../db/generated/prisma/client.ts'
import { isReadOnly, isTransient } from '../db/transient-errors.ts'
import { CodedError } from '../errors.ts'
import type { Call } from '../lib/call.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import { isDamage } from '../log/read/damage.ts'

// Documented codes for Prisma's errors; any other Prisma error is unexpected.
const PRISMA_ERRORS: Record<string, CodedError> = {
  P2002: new CodedError('CONFLICT', 'The id or tracking id is already in use.'),
  P2003: new CodedError('NOT_FOUND', 'A referenced object does not exist.'),
  P2025: new CodedError('NOT_FOUND', 'A referenced object does not exist.'),
}

const TOO_DEEP = new CodedError('BAD_USER_INPUT', 'The operation is nested too deeply.')

/** Quiet time in milliseconds after which another outage of the database is logged as a new one. */
const OUTAGE_MS = 30_000

/** The message of an error that clients may not see. */
export const UNEXPECTED = 'Unexpected error.'

export type MaskError = (error: unknown, message: string, call?: Call) => Error

/** Logs unexpected errors, and masks them under an id. @param lifecycle notes damage in the database. */
export function createMaskError(logger: Logger, lifecycle: Partial<Lifecycle> = {}): MaskError {
  let lastOutage = Number.NEGATIVE_INFINITY
  return (error, message, call) => {
    // A subscription's source throws errors that are not wrapped.
    const wrapped = error instanceof GraphQLError ? error : new GraphQLError(message, { originalError: error as Error })
    const { originalError, nodes, source, positions, path, extensions } = wrapped
    const where = { nodes, source, positions, path }
    const coded = codedErrorOf(originalError) ?? (error === wrapped ? undefined : unreadable(error))
    if (coded) return new GraphQLError(coded.message, { ...where, extensions: { ...coded.details, code: coded.code } })
    if (isTransient(originalError)) return unavailable(originalError, where, call)
    if (originalError && !(originalError instanceof GraphQLError)) return mask(originalError, message, where, call)
    if (extensions.originalError || extensions.code === 'OPERATION_RESOLUTION_FAILURE') return badRequest(wrapped)
    if (extensions.code) return wrapped
    // The rest are arguments and variables that the executor could not coerce.
    return new GraphQLError(wrapped.message, { ...where, extensions: { ...extensions, code: 'BAD_USER_INPUT' } })
  }

  // One line for each outage: every request would have one.
  function unavailable(error: unknown, where: object, call: Call | undefined): GraphQLError {
    const now = performance.now()
    if (now - lastOutage > OUTAGE_MS)
      logger.error({ err: error, ...call?.ids }, 'database unavailable: clients receive UNAVAILABLE')
    lastOutage = now
    return new GraphQLError('The database is temporarily unavailable. Retry after 1 s.', {
      ...where,
      extensions: { code: 'UNAVAILABLE', retryAfter: 1 },
    })
  }

  function mask(error: unknown, message: string, where: object, call: Call | undefined): GraphQLError {
    lifecycle.damaged ||= isDamage(error)
    const errorId = randomBytes(6).toString('hex')
    logger.error({ err: error, errorId, ...call?.ids }, 'unexpected error')
    if (call) call.logged = true
    return new GraphQLError(message, { ...where, extensions: { code: 'INTERNAL_SERVER_ERROR', errorId } })
  }
}

// Before there is an operation: invalid JSON in URL or form parameters, and Node's error for an aborted body.
function unreadable(error: unknown): CodedError | undefined {
  if (error instanceof SyntaxError) return new CodedError('BAD_USER_INPUT', `Invalid request: ${error.message}`)
  return error instanceof Error && error.message === 'aborted' && 'code' in error && error.code === 'ECONNRESET'
    ? new CodedError('BAD_USER_INPUT', 'The request body is incomplete.')
    : undefined
}

// Yoga exposes the parser's error for a body that is not JSON, and has its own code for a missing operation.
function badRequest({ message }: GraphQLError): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } })
}

function codedErrorOf(error: unknown): CodedError | undefined {
  if (error instanceof CodedError) return error
  if (isReadOnly(error)) return READ_ONLY
  if (error instanceof RangeError && error.message.includes('call stack')) return TOO_DEEP
  return error instanceof Prisma.PrismaClientKnownRequestError ? PRISMA_ERRORS[error.code] : undefined
}
