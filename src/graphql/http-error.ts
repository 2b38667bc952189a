import { GraphQLError } from 'graphql'
import type { CodedError } from '../errors.ts'

const STATUS: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  RATE_LIMITED: 429,
  INTERNAL_SERVER_ERROR: 500,
  UNAVAILABLE: 503,
}

/** The status of a response that is only an error of this code. */
export function statusOf(code: unknown): number {
  return STATUS[String(code)] ?? 400
}

/** Converts a `CodedError` to a pipeline error with its HTTP status and `retry-after`. */
export function toHttpError({ message, code, details }: CodedError): GraphQLError {
  const { retryAfter } = details
  const headers = retryAfter === undefined ? undefined : { 'retry-after': String(retryAfter) }
  return new GraphQLError(message, { extensions: { code, ...details, http: { status: statusOf(code), headers } } })
}
