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

interface GraphqlErrorLike {
  message: string
  extensions?: Record<string, unknown>
}

export function fromGraphqlErrors([first]: readonly GraphqlErrorLike[]): ApiError {
  const { message = 'The server gave no reason.', extensions = {} } = first ?? {}
  return new ApiError(message, String(extensions.code ?? 'INTERNAL_SERVER_ERROR'), extensions)
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError
    ? error
    : new ApiError(error instanceof Error ? error.message : String(error), 'NETWORK')
}
