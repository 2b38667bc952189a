import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Identity } from '../accounts/admission.ts'
import { callerOf } from '../accounts/caller-of.ts'
import type { RateLimit } from '../accounts/rate-limit.ts'
import type { RememberedKeys } from '../accounts/remembered-keys.ts'
import type { CompiledOperations } from '../graphql/compiled-operations.ts'
import { MAX_ANONYMOUS_BYTES } from '../graphql/request-body.ts'
import type { Begun } from '../graphql/request-context.ts'
import type { RequestContext } from '../schema/context.ts'
import type { JsonOperations } from './json-operations.ts'

interface Services {
  readonly keys: RememberedKeys
  readonly rate: RateLimit
  readonly compiled: CompiledOperations
  readonly json: JsonOperations
}

/** How far a request came: what was read of it, or the result of its operation, which Yoga sends. */
export type Progress = { readonly begun: Begun; readonly context?: RequestContext }

/**
 * Runs a small request that only records events without a look-up of its key before, if the key has worked here lately:
 * its statement looks at the key. All others, and what such a key may no longer do, are admitted as ever, unexecuted.
 * @returns undefined if nothing is left to do.
 */
export function createRememberedAppends({ keys, rate, compiled, json }: Services) {
  return async (
    request: IncomingMessage,
    response: ServerResponse,
    { key, address, type }: { key: string | undefined; address: string | undefined; type: string },
    createContext: (identity: Identity) => RequestContext,
  ): Promise<Progress | undefined> => {
    const viewer = isSmall(request) ? keys.find(key) : undefined
    if (!viewer) return { begun: {} }
    const identity = { viewer, caller: callerOf(viewer, address) }
    const begun = await json.read(request, identity)
    const { params, body } = begun
    // Yoga's adapter may not come to read it.
    if (body) response.once('close', () => void body.then(({ holding }) => holding.release()).catch(() => undefined))
    if (!params || response.destroyed || !compiled.isAppend(params, identity.caller.tenant)) return { begun }
    if (await rate.count(identity.caller)) return { begun }
    const context = createContext(identity)
    const left = await json.respond(response, context, type, params)
    if (!left) {
      keys.worked(viewer)
      return undefined
    }
    if (await keys.isUnchanged(key as string, viewer)) return { begun: left, context }
    context.budget.release()
    return { begun }
  }
}

function isSmall({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? Number.POSITIVE_INFINITY) <= MAX_ANONYMOUS_BYTES
}
