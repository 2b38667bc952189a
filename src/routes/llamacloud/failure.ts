import type { Context } from 'hono'
import type { ExpectedCode } from '../run-operation.ts'

/** The response when the events of a report that was found cannot be read. */
export function failureResponse(c: Context, code: ExpectedCode): Response {
  if (code === 'UNAUTHENTICATED') return unauthenticated(c, 'Invalid API Key')
  if (code === 'BAD_USER_INPUT') return c.json({ detail: TOO_LARGE }, 503)
  return c.json({ detail: 'Report not found' }, 404)
}

// Without Retry-After: waiting does not help.
const TOO_LARGE = 'The server has too little memory to read an event of this report.'

export function unauthenticated(c: Context, detail: string): Response {
  return c.json({ detail }, 401, { 'WWW-Authenticate': 'Bearer' })
}
