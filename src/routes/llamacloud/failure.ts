import { jsonReply, type Reply } from '../reply.ts'
import type { ExpectedCode } from '../run-operation.ts'

/** The response when the events of a report that was found cannot be read. */
export function readFailure(code: ExpectedCode): Reply {
  if (code === 'UNAUTHENTICATED') return unauthenticated('Invalid API Key')
  if (code === 'BAD_USER_INPUT') return jsonReply(503, { detail: TOO_LARGE })
  return jsonReply(404, { detail: 'Report not found' })
}

// Without Retry-After: waiting does not help.
const TOO_LARGE = 'The server has too little memory to read an event of this report.'

export function unauthenticated(detail: string): Reply {
  return jsonReply(401, { detail }, { 'WWW-Authenticate': 'Bearer' })
}
