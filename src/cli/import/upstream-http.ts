import { setTimeout } from 'node:timers/promises'
import pRetry from 'p-retry'
import type { z } from 'zod'
import { StartError } from '../../errors.ts'
import { ByteLimitError, readBytes } from '../../lib/read-bytes.ts'
import { printable } from '../../lib/text.ts'

const TIMEOUT_MS = 60_000

/** Retries for about four minutes when the upstream is unreachable or unavailable. */
const RETRIES = { retries: 10, minTimeout: 500, maxTimeout: 60_000, factor: 2, randomize: true }

const MAX_RETRY_AFTER_MS = 300_000

/** Maximum unpacked response in MiB; it is buffered whole, with its JSON beside it. */
const MAX_RESPONSE = 64

export interface UpstreamRequest {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: unknown
}

export class UpstreamStatusError extends StartError {
  readonly status: number

  constructor(status: number, body: string) {
    super(`The upstream API returned status ${status}: ${printable(body)}`)
    this.status = status
  }
}

/** A response over the limit, which a retry would repeat. */
export class ResponseTooLarge extends StartError {
  constructor() {
    super(`The upstream response exceeds ${MAX_RESPONSE} MiB.`)
  }
}

class UpstreamUnavailable extends Error {}

/** Requests JSON with retries. By hand: ky limits no body. @throws UpstreamStatusError, ResponseTooLarge, StartError */
export async function requestUpstream(
  url: URL,
  { method, headers, body }: UpstreamRequest,
  signal: AbortSignal,
): Promise<unknown> {
  const request = {
    method,
    headers: {
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    // Keeps the key from other servers.
    redirect: 'error',
  } as const
  try {
    return await pRetry(() => attempt(url, request, signal), {
      ...RETRIES,
      signal,
      shouldRetry: ({ error }) => !(error instanceof StartError),
    })
  } catch (error) {
    if (signal.aborted || error instanceof StartError) throw error
    throw new StartError(`Cannot reach the upstream API at ${url.origin}: ${reasonOf(error)}`, { cause: error })
  }
}

async function attempt(url: URL, request: RequestInit, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(url, {
    ...request,
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch(throwUpstreamError)
  const text = new TextDecoder().decode(await readBytes(response, MAX_RESPONSE * 1_048_576).catch(throwUpstreamError))
  if (response.ok) return parse(text)
  if (response.status !== 429 && response.status < 500)
    throw new UpstreamStatusError(response.status, text.slice(0, 300))
  await setTimeout(retryAfterMs(response.headers.get('retry-after')), undefined, { signal })
  throw new UpstreamUnavailable(`it returns status ${response.status}`)
}

// p-retry does not retry TypeErrors that it does not recognize as network errors.
function throwUpstreamError(error: unknown): never {
  if (error instanceof ByteLimitError) throw new ResponseTooLarge()
  throw new UpstreamUnavailable(reasonOf(error), { cause: error })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new StartError(`The upstream response is not JSON: ${printable(text.slice(0, 100))}`, {
      cause: error,
    })
  }
}

function retryAfterMs(retryAfter: string | null): number {
  if (retryAfter === null) return 0
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now()
  return Math.min(Math.max(ms || 0, 0), MAX_RETRY_AFTER_MS)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message
}

/** Validates a response. @throws StartError naming the first problem. */
export function readReply<Schema extends z.ZodType>(schema: Schema, value: unknown, name: string): z.output<Schema> {
  const { data, error } = schema.safeParse(value)
  if (!error) return data
  const { path, message } = error.issues[0] as z.core.$ZodIssue
  const problem = [...path.map(String), message].join(': ')
  throw new StartError(`The upstream response is not ${name}: ${printable(problem)}`)
}

export function apiUrl(base: string, path: string): URL {
  return new URL(path, base.endsWith('/') ? base : `${base}/`)
}
