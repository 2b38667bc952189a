import { GraphQLError } from 'graphql'
import type { GraphQLParams } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { ANONYMOUS_TENANT } from '../accounts/caller-of.ts'
import { type OperationList, sha256 } from './operation-list.ts'

/** LRU limits in UTF-16 units, per text and per organization, and the number of organizations: 16 Mi units in all. */
const KEPT = { text: 20_000, ofEach: 131_072, organizations: 128 } as const

const Name = z.object({ version: z.literal(1), sha256Hash: z.string().regex(/^[\da-f]{64}$/) })

/** Operations by SHA-256: one registered before with its text, or, with a list, only those on the list. */
export class PersistedOperations {
  readonly #registered = new LRUCache<string, LRUCache<string, string>>({ max: KEPT.organizations })
  readonly #list: OperationList | undefined
  readonly #listed: ReadonlySet<string> | undefined

  constructor(list: OperationList | undefined) {
    this.#list = list
    this.#listed = list && new Set(list.values())
  }

  /** The text to run, as it was given or registered; undefined or anything else where none was given. */
  textOf(params: GraphQLParams, tenant: string): string | undefined | GraphQLError {
    const { query } = params
    const hash = hashIn(params)
    if (hash === null) return requestError(400, 'BAD_USER_INPUT', MALFORMED)
    if (hash && !query)
      return this.#list
        ? (this.#list.get(hash) ?? notListed())
        : (this.#registered.get(tenant)?.get(hash) ?? notFound())
    // Yoga rejects a query that is not a string.
    if (typeof query !== 'string') return query
    if (this.#listed && !this.#listed.has(query)) return notListed()
    return hash && hash !== sha256(query) ? requestError(400, 'BAD_USER_INPUT', MISMATCH) : query
  }

  /** Registers a valid operation that came with its hash. An organization neither finds nor evicts those of others. */
  register(params: GraphQLParams, tenant: string): void {
    const hash = hashIn(params)
    const { query } = params
    if (this.#list || !hash || !query || tenant === ANONYMOUS_TENANT || query.length > KEPT.text) return
    const ofTenant = this.#registered.get(tenant) ?? new LRUCache({ maxSize: KEPT.ofEach, sizeCalculation })
    this.#registered.set(tenant, ofTenant)
    ofTenant.set(hash, query)
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
