import { GraphQLError } from 'graphql'
import type { CodedError } from '../errors.ts'

const STATUS: Partial<Record<CodedError['code'], number>> = {
  UNAUTHENTICATED: 401,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
}

/** Converts a `CodedError` to a pipeline error with its HTTP status and `retry-after`. */
export function toHttpError({ message, code, details }: CodedError): GraphQLError {
  const { retryAfter } = details
  const headers = retryAfter === undefined ? undefined : { 'retry-after': String(retryAfter) }
  return new GraphQLError(message, { extensions: { code, ...details, http: { status: STATUS[code] ?? 400, headers } } })
}
