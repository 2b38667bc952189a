import { GraphQLError } from 'graphql'
import type { CodedError } from '../errors.ts'

const STATUS: Partial<Record<CodedError['code'], number>> = {
  UNAUTHENTICATED: 401,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
}

/** A refusal as an error of the pipeline, which over HTTP has a status of its own and says when to try again. */
export function httpRefusal({ message, code, details }: CodedError): GraphQLError {
  const { retryAfter } = details
  const headers = retryAfter === undefined ? undefined : { 'retry-after': String(retryAfter) }
  return new GraphQLError(message, { extensions: { code, ...details, http: { status: STATUS[code] ?? 400, headers } } })
}
