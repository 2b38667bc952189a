import { TidemarkError } from '../../client/client.ts'

/** An error that the server has answered, or that kept the answer from arriving. */
export class ApiError extends Error {
  override name = 'ApiError'
  /** `extensions.code`, or NETWORK without an answer. */
  readonly code: string
  readonly extensions: Readonly<Record<string, unknown>>

  constructor(message: string, code: string, extensions: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.code = code
    this.extensions = extensions
  }
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof TidemarkError)
    return new ApiError(error.message, error.code === 'DISCONNECTED' ? 'NETWORK' : error.code, error.details)
  return new ApiError(error instanceof Error ? error.message : String(error), 'NETWORK')
}
