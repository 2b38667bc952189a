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
      // The key would not go along to another host, nor the body to another method.
      redirect: 'manual',
      signal,
    })
  } catch (error) {
    throw lost(error, signal)
  }
}

/** Aborts what waits for a server that has sent nothing for a time. */
export class Silence {
  readonly #ms: number
  readonly #error: TidemarkError
  readonly #controller = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param ms how long it may be, from now on and after each call of `heard`. */
  constructor(url: string, ms: number) {
    this.#ms = ms
    this.#error = disconnected(`${url} has sent nothing for ${ms / 1_000} seconds.`)
    this.heard()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  readonly heard = (): void => {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#controller.abort(this.#error), this.#ms)
  }

  /** Ends the connection, too, unless all was received. */
  end(): void {
    clearTimeout(this.#timer)
    this.#controller.abort()
  }
}

/** The pieces of a response, as text. */
export async function* textsOf({ body }: Response, onBytes: () => void): AsyncGenerator<string> {
  if (!body) return
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    onBytes()
    yield decoder.decode(value, { stream: true })
  }
}

/** One operation in one request, once. @param body as GraphQL over HTTP defines it. @throws TidemarkError */
export async function request(
  url: string,
  key: string,
  body: string,
  { silenceMs, signal }: { silenceMs: number; signal?: AbortSignal },
): Promise<Result['data']> {
  const silence = new Silence(url, silenceMs)
  const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal
  try {
    const response = await post(url, key, body, { accept: 'application/json', signal: either })
    let text = ''
    for await (const part of textsOf(response, silence.heard)) text += part
    const result = parse(text)
    if (!result || result.errors) throw failureOf(response, result)
    return result.data
  } catch (error) {
    throw lost(error, either)
  } finally {
    silence.end()
  }
}

/** Why a response is not the expected one. */
export function failureOf({ status, type, url, headers }: Response, result: Result | undefined): TidemarkError {
  if (result?.errors) return failureIn(result.errors)
  // Browsers do not say where to.
  const to = type === 'opaqueredirect' ? 'another URL' : headers.get('location')?.replace(/[?#].*/, '')
  const message = to
    ? `${url} redirects to ${to}. Use that of the server.`
    : `${url} responded with status ${status}, unlike a Tidemark server.`
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
