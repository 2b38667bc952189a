import type { GraphQLError } from 'graphql'
import { CodedError, ERROR_CODES } from '../errors.ts'

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

/** `gone`: the client left before the response. A closed set, because it labels metrics. */
export type Outcome = 'ok' | 'gone' | Code

export const CODES: ReadonlySet<unknown> = new Set([...ERROR_CODES, ...OTHERS])

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

export function outcomeOfStatus(status: number): Outcome {
  if (status < 400) return 'ok'
  return BY_STATUS[status] ?? (status < 500 ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR')
}

export function outcomeOfError(error: unknown): Outcome {
  return error instanceof CodedError ? error.code : 'INTERNAL_SERVER_ERROR'
}
