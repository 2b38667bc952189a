import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { GraphQLError } from 'graphql'
import type { Identity } from '../accounts/admission.ts'
import { CodedError } from '../errors.ts'
import type { Holding, MemoryBudget } from '../lib/budget/memory-budget.ts'
import { readBody } from '../lib/read-body.ts'
import { ByteLimitError } from '../lib/read-bytes.ts'
import { toHttpError } from './http-error.ts'

/** Body limit without a valid key, in bytes: enough for introspection, all that such a caller may run. */
export const MAX_ANONYMOUS_BYTES = 16_384

/** A body in memory. `holding` counts its bytes until it is parsed, and must then be released. */
export interface RequestBody {
  readonly bytes: Buffer
  readonly holding: Holding
}

/** Reads a body up to a limit, charged to the caller's memory budget. @throws GraphQLError with an HTTP status. */
export type ReadRequestBody = (request: IncomingMessage, identity: Identity) => Promise<RequestBody>

/** @param most bytes with a valid key. */
export function createReadRequestBody(most: number, memory: MemoryBudget): ReadRequestBody {
  return async (request, { viewer, caller }) => {
    const anonymous = viewer.type === 'anonymous'
    const limit = anonymous ? Math.min(MAX_ANONYMOUS_BYTES, most) : most
    const holding = memory.open(caller)
    try {
      const bytes = await readBody(request, limit, holding)
      // Decoding would replace what is invalid, and events would be stored changed.
      if (!isUtf8(bytes)) throw notUtf8()
      return { bytes, holding }
    } catch (error) {
      holding.release()
      if (error instanceof ByteLimitError) throw tooLarge(exceeds(limit, anonymous))
      if (!(error instanceof CodedError)) throw error
      throw error.code === 'BAD_USER_INPUT' ? tooLarge(error.message) : toHttpError(error)
    }
  }
}

function exceeds(limit: number, anonymous: boolean): string {
  return `Request body exceeds ${limit} bytes, the limit ${anonymous ? 'without a valid API key' : 'of this server'}.`
}

function notUtf8(): GraphQLError {
  return new GraphQLError('Request body is not valid UTF-8.', {
    extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
  })
}

// Also for a body that fits the limit of bodies, and not the memory that a caller can use.
function tooLarge(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'REQUEST_ENTITY_TOO_LARGE', http: { status: 413 } } })
}
