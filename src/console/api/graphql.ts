import { initGraphQLTada } from 'gql.tada'
import type { introspection } from './generated/schema.d.ts'

/** Documents are typed from `schema.graphql`, so a field that does not exist fails the type check. */
export const graphql = initGraphQLTada<{
  introspection: introspection
  scalars: { DateTime: string; JSON: unknown; SafeInt: number; UUID: string }
}>()

export type { ResultOf, VariablesOf } from 'gql.tada'
