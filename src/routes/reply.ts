import type { IncomingMessage, ServerResponse } from 'node:http'
import { PRIVATE } from '../lib/private-response.ts'

/** A request to a REST API with its response. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Headers that CORS adds, by names in lower case. */
  readonly added?: Readonly<Record<string, string>>
}

/** A whole response. */
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Absent: no body. */
  readonly text?: string
}

export const JSON_TYPE = { 'content-type': 'application/json' } as const

export function jsonReply(status: number, value: unknown, headers?: Reply['headers']): Reply {
  return { status, headers, text: JSON.stringify(value) }
}

/** Writes a response that depends on the key, unless the client has left or one has begun. */
export function sendReply({ response, added }: Exchange, { status, headers, text }: Reply): void {
  if (response.destroyed || response.headersSent) return
  if (text === undefined) {
    response.writeHead(status, privateHeaders(headers, added)).end()
    return
  }
  const size = { 'content-length': Buffer.byteLength(text) }
  response.writeHead(status, { ...privateHeaders(headers, added), ...JSON_TYPE, ...size }).end(text)
}

/** Begins a response in pieces of JSON. @returns what writes the next one, and waits until the client takes more. */
export function beginReply({ response, added }: Exchange, headers?: Reply['headers']): (text: string) => Promise<void> {
  response.writeHead(200, { ...privateHeaders(headers, added), ...JSON_TYPE })
  return async (text) => {
    if (response.destroyed || response.write(text)) return
    await new Promise<void>((resolve) => {
      const done = () => {
        response.off('drain', done).off('close', done)
        resolve()
      }
      response.on('drain', done).on('close', done)
    })
  }
}

// With the headers of CORS, if there are any, a response depends on the origin.
const VARY = `Origin, ${PRIVATE.vary}`

function privateHeaders(headers: Reply['headers'], added: Exchange['added']): Record<string, string> {
  return { ...added, ...PRIVATE, vary: VARY, ...headers }
}
