import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export const REQUEST_ID = 'x-request-id'

/** Whether the text is safe as an id in logs and headers: 1 to 128 visible ASCII characters. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && /^[\x21-\x7e]{1,128}$/.test(text)
}

/** The client's request id, or a new one, which is stored in the headers. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers[REQUEST_ID]
  if (isId(given)) return given
  const made = randomUUID()
  headers[REQUEST_ID] = made
  return made
}
