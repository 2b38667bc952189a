import { GraphQLError } from 'graphql'
import type { GraphQLParams, Plugin, YogaInitialContext } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { ANONYMOUS_TENANT } from '../../accounts/caller-of.ts'
import type { Context, RequestContext } from '../../schema/context.ts'
import { type OperationList, sha256 } from '../operation-list.ts'

/** LRU limits in UTF-16 units, per text and per organization, and the number of organizations: 16 Mi units in all. */
const KEPT = { text: 20_000, ofEach: 131_072, organizations: 128 } as const

const Name = z.object({ version: z.literal(1), sha256Hash: z.string().regex(/^[\da-f]{64}$/) })

// Yoga's plugins throw, which closes a WebSocket; one also keeps unparsed or empty text, one lacks trusted documents.
export function usePersistedOperations(list?: OperationList): Plugin<Context & YogaInitialContext, RequestContext> {
  const registered = new LRUCache<string, LRUCache<string, string>>({ max: KEPT.organizations })
  const listed = list && new Set(list.values())

  function textOf(params: GraphQLParams, tenant: string): string | undefined | GraphQLError {
    const { query } = params
    const hash = hashIn(params)
    if (hash === null) return requestError(400, 'BAD_USER_INPUT', MALFORMED)
    if (hash && !query)
      return list ? (list.get(hash) ?? notListed()) : (registered.get(tenant)?.get(hash) ?? notFound())
    // Yoga rejects a query that is not a string.
    if (typeof query !== 'string') return query
    if (listed && !listed.has(query)) return notListed()
    return hash && hash !== sha256(query) ? requestError(400, 'BAD_USER_INPUT', MISMATCH) : query
  }

  return {
    onParams({ params, context, setParams, setResult }) {
      if (context.trusted) return
      const text = textOf(params, context.caller.tenant)
      const failed = text instanceof GraphQLError
      if (failed) setResult({ errors: [text] })
      // Yoga requires a text even when there is a result.
      setParams({ ...params, query: failed ? '' : text })
    },
    // Reached only by valid operations within the cost limit; an organization neither finds nor evicts those of others.
    onContextBuilding({ context: { caller, params } }) {
      const hash = hashIn(params)
      if (list || !hash || !params.query || caller.tenant === ANONYMOUS_TENANT || params.query.length > KEPT.text)
        return
      const ofTenant = registered.get(caller.tenant) ?? new LRUCache({ maxSize: KEPT.ofEach, sizeCalculation })
      registered.set(caller.tenant, ofTenant)
      ofTenant.set(hash, params.query)
    },
  }
}

function sizeCalculation(text: string, hash: string): number {
  return text.length + hash.length
}

/** @returns the hash, undefined when there is none, null when it is malformed. */
function hashIn({ extensions }: GraphQLParams): string | undefined | null {
  const name: unknown = extensions?.persistedQuery
  if (name === undefined || name === null) return undefined
  return Name.safeParse(name).data?.sha256Hash ?? null
}

const MALFORMED = 'extensions.persistedQuery must be { version: 1, sha256Hash } with 64 lower-case hexadecimal digits.'

const MISMATCH = 'extensions.persistedQuery.sha256Hash is not the SHA-256 of the operation.'

// Some clients match this message to resend the text.
function notFound(): GraphQLError {
  return requestError(404, 'PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound')
}

function notListed(): GraphQLError {
  return requestError(
    400,
    'PERSISTED_QUERY_NOT_IN_LIST',
    'This server runs only the operations on its allowlist. Add this one to the list.',
  )
}

// The status applies to application/graphql-response+json; otherwise it is 200, or some clients ignore the body.
function requestError(status: number, code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { spec: true, status } } })
}
