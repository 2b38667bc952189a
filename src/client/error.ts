/** Why a call of the client has failed, or is being retried. */
export class TidemarkError extends Error {
  override name = 'TidemarkError'
  /** A code of docs/errors.md; or `DISCONNECTED` if the server was not reached or did not answer. */
  readonly code: string
  /** The other `extensions` of the error, such as `cursor`, `earliest`, `reason` and `retryAfter` (in seconds). */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
  }
}

export interface GraphqlError {
  readonly message: string
  readonly extensions?: Readonly<Record<string, unknown>>
}

export function failureIn([first]: readonly GraphqlError[]): TidemarkError {
  const { code = 'INTERNAL_SERVER_ERROR', ...details } = first?.extensions ?? {}
  return new TidemarkError(String(code), first?.message ?? 'The server failed.', details)
}

export function disconnected(message: string, cause?: unknown): TidemarkError {
  return new TidemarkError('DISCONNECTED', message, {}, cause)
}
