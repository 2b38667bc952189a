import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The header that a request's id comes in, and goes out in. */
export const REQUEST_ID = 'x-request-id'

/** Whether it is fit to be an id in a log and in a header: up to 128 visible ASCII characters. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && /^[\x21-\x7e]{1,128}$/.test(text)
}

/** The id of a request: the caller's own, or one that is made now and kept in its headers. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers[REQUEST_ID]
  if (isId(given)) return given
  const made = randomUUID()
  headers[REQUEST_ID] = made
  return made
}
