/** Stable `extensions.code` values that clients may branch on. */
export const ERROR_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'BAD_USER_INPUT',
  'CONFLICT',
  'CURSOR_INVALID',
  'CURSOR_EXPIRED',
  'SLOW_CONSUMER',
  'RATE_LIMITED',
  'UNAVAILABLE',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export function isTemporary(code: unknown): boolean {
  return code === 'RATE_LIMITED' || code === 'UNAVAILABLE'
}

/** An error whose code, message and details (as `extensions`) reach the client; any other error is masked. */
export class CodedError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = 'CodedError'
    this.code = code
    this.details = details
  }
}

/** A startup failure the operator can fix; the message names the setting. */
export class StartError extends Error {
  override name = 'StartError'
}
