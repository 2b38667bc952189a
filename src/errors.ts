/** The stable `extensions.code` of every error a client may branch on. */
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

/** One of them. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/** A refusal that the caller may read. Everything else that is thrown is masked before it leaves the server. */
export class CodedError extends Error {
  readonly code: ErrorCode
  /** What goes into `extensions` beside the code. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = 'CodedError'
    this.code = code
    this.details = details
  }
}

/** A start failed for a reason that whoever starts can mend. The message says which setting it is about. */
export class StartError extends Error {
  override name = 'StartError'
}
