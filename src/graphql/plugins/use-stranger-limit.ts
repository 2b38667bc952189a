import { type DocumentNode, GraphQLError, Kind, parse, type SelectionSetNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { RequestRate } from '../../accounts/rate-limit.ts'
import { CodedError } from '../../errors.ts'
import type { Context, DoorContext } from '../../schema/context.ts'
import { httpRefusal } from '../http-refusal.ts'

/**
 * How long a document may be that is read for a caller without a valid key. All of the schema can be asked for with
 * 200 tokens.
 */
const MOST = { tokens: 500, fragments: 20 } as const

/** How many requests it counts as, beside the one, to be given the schema: that takes as long as ten others. */
const SCHEMA_REQUESTS = 9

/**
 * Runs for a caller without a valid key only what asks for the schema or for `__typename`, and refuses all else
 * before it is validated. It parses for itself, because the pipeline's caches would keep what is refused here for
 * everybody. Comes after persisted operations.
 */
export function useStrangerLimit(rate: RequestRate): Plugin<DoorContext> {
  return {
    async onParams({ params: { query }, context, setResult }) {
      const { viewer, caller, ownDocument } = context as DoorContext & Partial<Context>
      if (ownDocument || typeof query !== 'string' || query === '' || (viewer && viewer.type !== 'anonymous')) return
      const asked = read(query)
      if (asked instanceof GraphQLError) return setResult({ errors: [asked] })
      const refusal = asked === 'schema' && caller && (await rate.count(caller, SCHEMA_REQUESTS))
      if (refusal) setResult({ errors: [httpRefusal(refusal)] })
    },
  }
}

/** What a document asks for, or why it does not run. */
function read(text: string): 'schema' | 'nothing' | GraphQLError {
  try {
    return judge(parse(text, { noLocation: true, maxTokens: MOST.tokens }))
  } catch (error) {
    if (error instanceof GraphQLError) return refused('GRAPHQL_PARSE_FAILED', error.message)
    throw error
  }
}

function judge(document: DocumentNode): ReturnType<typeof read> {
  const fragments = new Map<string, SelectionSetNode>()
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet)
  if (fragments.size > MOST.fragments)
    return refused(
      'GRAPHQL_VALIDATION_FAILED',
      `Without a valid API key, a document may have ${MOST.fragments} fragments.`,
    )
  const roots = document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? [...rootsOf(definition.selectionSet, fragments)] : [],
  )
  if (!roots.every((name) => name.startsWith('__'))) return httpRefusal(unauthenticated())
  return roots.some((name) => name !== '__typename') ? 'schema' : 'nothing'
}

/** The fields of a selection, also those of the fragments in it, each fragment once. */
function* rootsOf({ selections }: SelectionSetNode, fragments: Map<string, SelectionSetNode>): Generator<string> {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) yield selection.name.value
    else if (selection.kind === Kind.INLINE_FRAGMENT) yield* rootsOf(selection.selectionSet, fragments)
    else {
      const fragment = fragments.get(selection.name.value)
      fragments.delete(selection.name.value)
      if (fragment) yield* rootsOf(fragment, fragments)
    }
  }
}

/** What a caller gets who shows no valid key where one is needed. */
function unauthenticated(): CodedError {
  return new CodedError('UNAUTHENTICATED', 'This needs a valid API key: send "Authorization: Bearer KEY".')
}

function refused(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { spec: true, status: 400 } } })
}
