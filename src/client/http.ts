import { disconnected, failureIn, type GraphqlError, TidemarkError } from './error.ts'

export interface Result {
  // biome-ignore lint/suspicious/noExplicitAny: the documents of this client say what it is
  readonly data?: any
  readonly errors?: readonly GraphqlError[]
}

const KEY = /^[\x21-\x7e]+$/

/** Sends a request body. @throws TidemarkError, or the reason of the signal. */
export async function post(
  url: string,
  key: string,
  body: string,
  { accept, signal }: { accept: string; signal: AbortSignal },
): Promise<Response> {
  // The message of fetch would contain it.
  if (!KEY.test(key)) throw new TidemarkError('UNAUTHENTICATED', 'The API key must be printable ASCII without spaces.')
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${key}` },
      body,
      signal,
    })
  } catch (error) {
    throw lost(error, signal)
  }
}

/** One operation in one request, once. @param body as GraphQL over HTTP defines it. @throws TidemarkError */
export async function request(
  url: string,
  key: string,
  body: string,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<Result['data']> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout
  try {
    const response = await post(url, key, body, { accept: 'application/json', signal: either })
    const text = await response.text()
    const result = parse(text)
    if (!result || result.errors) throw failureOf(response, result)
    return result.data
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    if (timeout.aborted) throw disconnected(`${url} has not answered for ${timeoutMs / 1_000} seconds.`)
    throw lost(error)
  }
}

/** Why a response is not the expected one. */
export function failureOf({ status, url, headers }: Response, result: Result | undefined): TidemarkError {
  if (result?.errors) return failureIn(result.errors)
  const message = `${url} has answered with status ${status}, and not as a Tidemark server does.`
  const retryAfter = Number(headers.get('retry-after')) || undefined
  // A proxy whose server is being replaced.
  if (status >= 500 || status === 429 || status === 408)
    return new TidemarkError('UNAVAILABLE', message, { retryAfter })
  if (status === 413) return new TidemarkError('REQUEST_ENTITY_TOO_LARGE', message)
  return new TidemarkError('BAD_REQUEST', message, { status })
}

export function parse(text: string): Result | undefined {
  try {
    const value = JSON.parse(text)
    return value?.data || value?.errors ? value : undefined
  } catch {
    return undefined
  }
}

export function lost(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason
  if (error instanceof TidemarkError) return error
  const { cause } = error as { cause?: { message?: string } }
  return disconnected(`The connection has failed: ${cause?.message || error}`, error)
}
