import type { GraphQLError } from 'graphql'
import { CodedError, ERROR_CODES } from '../errors.ts'

/** Codes that GraphQL over HTTP has itself, and that of what is masked. */
const OTHERS = [
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'REQUEST_ENTITY_TOO_LARGE',
  'BAD_REQUEST',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_IN_LIST',
  'INTERNAL_SERVER_ERROR',
] as const

type Code = (typeof ERROR_CODES)[number] | (typeof OTHERS)[number]

/** What came of a call: `ok`, a documented code, `gone` for a caller who left before the answer. A closed set: it labels metrics. */
export type Outcome = 'ok' | 'gone' | Code

/** All documented codes. */
export const CODES: ReadonlySet<unknown> = new Set([...ERROR_CODES, ...OTHERS])

/** What came of an operation: `ok`, or the code of its first error. */
export function outcomeOf(errors: readonly GraphQLError[] | undefined): Outcome {
  if (!errors?.length) return 'ok'
  const code = errors[0]?.extensions?.code
  return CODES.has(code) ? (code as Code) : 'BAD_REQUEST'
}

const BY_STATUS: Record<number, Code> = {
  400: 'BAD_USER_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  413: 'REQUEST_ENTITY_TOO_LARGE',
  422: 'BAD_USER_INPUT',
  429: 'RATE_LIMITED',
  503: 'UNAVAILABLE',
}

/** The same for an answer over HTTP of which only the status is known. */
export function outcomeOfStatus(status: number): Outcome {
  if (status < 400) return 'ok'
  return BY_STATUS[status] ?? (status < 500 ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR')
}

/** The same for what was thrown. */
export function outcomeOfError(error: unknown): Outcome {
  return error instanceof CodedError ? error.code : 'INTERNAL_SERVER_ERROR'
}
