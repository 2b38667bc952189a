import { GraphQLError } from 'graphql'
import type { GraphQLParams, Plugin, YogaInitialContext } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { STRANGERS } from '../../accounts/caller-of.ts'
import type { Context, DoorContext } from '../../schema/context.ts'
import { type OperationList, sha256 } from '../operation-list.ts'

/**
 * What is kept for clients to name: texts up to a length, so much of each organization, in UTF-16 units, and of so
 * many organizations, 16 Mi in all. What was used last stays.
 */
const KEPT = { text: 20_000, ofEach: 131_072, organizations: 128 } as const

/** How clients name an operation: `extensions.persistedQuery`, as Apollo has it. */
const Name = z.object({ version: z.literal(1), sha256Hash: z.string().regex(/^[\da-f]{64}$/) })

/**
 * Lets clients send the SHA-256 of an operation in its place: of one that was sent together with it before, or, where
 * there is a list, of one on the list, and then no other runs.
 *
 * By hand, because Yoga's plugins throw what they refuse, which closes a WebSocket. Besides, the one for registering
 * takes the empty text, which is the least that graphql-ws lets through, for an operation, and keeps what has not
 * been parsed, however long; and the one for lists knows of no documents of the server's own.
 */
export function usePersistedOperations(list?: OperationList): Plugin<Context & YogaInitialContext, DoorContext> {
  const registered = new LRUCache<string, LRUCache<string, string>>({ max: KEPT.organizations })
  const listed = list && new Set(list.values())

  function textOf(params: GraphQLParams, tenant: string): string | undefined | GraphQLError {
    const { query } = params
    const hash = hashIn(params)
    if (hash === null) return refusal(400, 'BAD_USER_INPUT', MALFORMED)
    if (hash && !query)
      return list ? (list.get(hash) ?? notListed()) : (registered.get(tenant)?.get(hash) ?? notFound())
    // What is no text, Yoga refuses.
    if (typeof query !== 'string') return query
    if (listed && !listed.has(query)) return notListed()
    return hash && hash !== sha256(query) ? refusal(400, 'BAD_USER_INPUT', MISMATCH) : query
  }

  return {
    onParams({ params, context, setParams, setResult }) {
      if (context.ownDocument) return
      const text = textOf(params, context.caller?.tenant ?? STRANGERS)
      const refused = text instanceof GraphQLError
      if (refused) setResult({ errors: [text] })
      // Yoga insists on a text even when there is a result.
      setParams({ ...params, query: refused ? '' : text })
    },
    // Nothing that is not valid or too costly comes this far. An organization neither finds nor displaces what others
    // have sent.
    onContextBuilding({ context: { caller, params } }) {
      const hash = hashIn(params)
      if (list || !hash || !params.query || caller.tenant === STRANGERS || params.query.length > KEPT.text) return
      const ofTenant = registered.get(caller.tenant) ?? new LRUCache({ maxSize: KEPT.ofEach, sizeCalculation })
      registered.set(caller.tenant, ofTenant)
      ofTenant.set(hash, params.query)
    },
  }
}

function sizeCalculation(text: string, hash: string): number {
  return text.length + hash.length
}

/** The hash of the operation that is named, undefined when none is, null when it is not named as it should be. */
function hashIn({ extensions }: GraphQLParams): string | undefined | null {
  const name: unknown = extensions?.persistedQuery
  if (name === undefined || name === null) return undefined
  return Name.safeParse(name).data?.sha256Hash ?? null
}

const MALFORMED =
  'extensions.persistedQuery must be { version: 1, sha256Hash }, the hash 64 lower-case hexadecimal digits.'

const MISMATCH = 'extensions.persistedQuery.sha256Hash is not the SHA-256 of the operation.'

// The message is what some clients go by, to send the text along.
function notFound(): GraphQLError {
  return refusal(404, 'PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound')
}

function notListed(): GraphQLError {
  return refusal(400, 'PERSISTED_QUERY_NOT_IN_LIST', 'This server runs the operations on its list only.')
}

// The status is for application/graphql-response+json; otherwise it is 200, without which some clients do not read
// the answer.
function refusal(status: number, code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { spec: true, status } } })
}
