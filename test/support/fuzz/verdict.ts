import { expect } from 'vitest'
import type { Answer, RawRequest } from './raw-http.ts'
import type { Course } from './raw-socket.ts'

/** The codes of docs/errors.md that a caller can cause, except those of persisted operations. */
const CODES = new Set<unknown>([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'BAD_USER_INPUT',
  'CONFLICT',
  'CURSOR_INVALID',
  'CURSOR_EXPIRED',
  'SLOW_CONSUMER',
  'RATE_LIMITED',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'REQUEST_ENTITY_TOO_LARGE',
  'BAD_REQUEST',
])

/** Extensions that an error can have besides its code. */
const DETAILS = new Set(['cursor', 'earliest', 'retryAfter'])

/** Codes of the WebSocket protocol, for invalid frames, and those of graphql-transport-ws and of the limits. */
const CLOSE_CODES = [1002, 1007, 1009, 4400, 4401, 4406, 4408, 4409, 4429]

const INTERNALS = [
  /^\s+at .*:\d+:\d+/m,
  /\bat \S+ \(.*:\d+:\d+\)/,
  /node_modules|node:internal|file:\/\//,
  /prisma|postgres|pglite|\bpg_/i,
  /\b(SELECT|INSERT INTO|UPDATE|FROM)\s+["\w]+/,
  /\b\w+Error\b/,
  /(^|[\s"'(`])\/(src|dist|home|tmp|usr|root|work|var)\//,
  /ECONN|ENOENT|EPIPE|ERR_[A-Z]/,
  /Cannot (read|set) propert|is not a function|is not iterable|undefined \(/,
]

interface Errors {
  errors?: { extensions?: Record<string, unknown> }[]
}

/** Throws unless every error has a documented code, and only the extensions of that code. */
function expectCoded(errors: Errors['errors']): void {
  for (const error of errors ?? []) {
    const { code, ...details } = error.extensions ?? {}
    if (!CODES.has(code) || Object.keys(details).some((detail) => !DETAILS.has(detail)))
      throw new Error(`No documented error: ${JSON.stringify(error)}`)
  }
}

/** Throws if a text exposes internals of the server. */
function expectNoInternals(text: string): void {
  for (const pattern of INTERNALS) expect(text).not.toMatch(pattern)
}

/** Throws unless an HTTP response is safe for any client. */
export function expectSound(
  { status, head, body, whole }: Answer,
  { method, target, framing, leaves }: RawRequest,
): void {
  // Input that is not HTTP can be cut off without a response. CONNECT is not supported.
  const orderly = ['length', 'chunked'].includes(framing) && method !== 'CONNECT' && leaves === undefined
  if (orderly || status !== undefined) expect(status).toBeLessThan(500)
  expectNoInternals(head)
  expectNoInternals(body)
  if (method === 'HEAD' || !/^\/graphql(\?|$)/.test(target)) return
  if (/^content-type: text\/event-stream/im.test(head)) {
    for (const [, data] of body.matchAll(/^data: (.+)\n/gm)) expectCoded((JSON.parse(data ?? '') as Errors).errors)
  } else if (whole && /^content-type: application\/(graphql-response\+)?json/im.test(head)) {
    expectCoded((JSON.parse(body) as Errors).errors)
  }
}

/** Throws unless all messages of a socket, and its close code, are valid. */
export function expectProper({ messages, code, left }: Course): void {
  if (code !== undefined && !left) expect(CLOSE_CODES).toContain(code)
  for (const message of messages) {
    expectNoInternals(message)
    const { type, payload } = JSON.parse(message)
    if (type === 'error') expectCoded(payload)
    if (type === 'next') expectCoded((payload as Errors).errors)
  }
}
