import { type DocumentNode, GraphQLError, Kind, parse, type SelectionSetNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { RateLimit } from '../../accounts/rate-limit.ts'
import { CodedError } from '../../errors.ts'
import type { RequestContext } from '../../schema/context.ts'
import { toHttpError } from '../http-error.ts'

/** Document limits without a valid key; 200 tokens are enough to query the whole schema. */
const MOST = { tokens: 500, fragments: 20 } as const

/** Additional requests that introspection counts as, since it takes as long as ten others. */
const SCHEMA_REQUESTS = 9

/** Without a valid key, runs only introspection, parsed outside the shared caches. Comes after persisted operations. */
export function useAnonymousLimit(rate: RateLimit): Plugin<RequestContext> {
  return {
    async onParams({ params: { query }, context, setResult }) {
      const { viewer, caller, trusted } = context as unknown as RequestContext
      if (trusted || typeof query !== 'string' || query === '' || viewer.type !== 'anonymous') return
      const asked = classifyText(query)
      if (asked instanceof GraphQLError) return setResult({ errors: [asked] })
      const error = asked === 'schema' && (await rate.count(caller, SCHEMA_REQUESTS))
      if (error) setResult({ errors: [toHttpError(error)] })
    },
  }
}

function classifyText(text: string): 'schema' | 'nothing' | GraphQLError {
  try {
    return classify(parse(text, { noLocation: true, maxTokens: MOST.tokens }))
  } catch (error) {
    if (error instanceof GraphQLError) return requestError('GRAPHQL_PARSE_FAILED', error.message)
    throw error
  }
}

function classify(document: DocumentNode): ReturnType<typeof classifyText> {
  const fragments = new Map<string, SelectionSetNode>()
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet)
  if (fragments.size > MOST.fragments)
    return requestError(
      'GRAPHQL_VALIDATION_FAILED',
      `The document exceeds ${MOST.fragments} fragments, the limit without a valid API key.`,
    )
  const roots = document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? [...rootsOf(definition.selectionSet, fragments)] : [],
  )
  if (!roots.every((name) => name.startsWith('__'))) return toHttpError(unauthenticated())
  return roots.some((name) => name !== '__typename') ? 'schema' : 'nothing'
}

/** Yields the fields of a selection and of its fragments, each fragment once. */
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

function unauthenticated(): CodedError {
  return new CodedError('UNAUTHENTICATED', 'A valid API key is required. Send it as "Authorization: Bearer KEY".')
}

function requestError(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { spec: true, status: 400 } } })
}
