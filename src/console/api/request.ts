import { Client, fetchExchange } from '@urql/core'
import type { TadaDocumentNode } from 'gql.tada'
import { INVALID_KEY, key, signOut } from '../session/key.ts'
import { ApiError, fromGraphqlErrors } from './api-error.ts'

/** Answers are shown as they are at the time: there is no cache. */
const client = new Client({
  url: '/graphql',
  exchanges: [fetchExchange],
  requestPolicy: 'network-only',
  preferGetMethod: false,
  fetchOptions: () => ({ headers: { authorization: `Bearer ${key.value}` }, credentials: 'omit' }),
})

/** Runs a query or a mutation with the key of this tab; a key that no longer works is forgotten. @throws ApiError. */
export async function request<Data, Variables extends object>(
  document: TadaDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const usedKey = key.value
  const isMutation = document.definitions.some((part) => 'operation' in part && part.operation === 'mutation')
  const run = isMutation ? client.mutation : client.query
  const { data, error } = await run.call(client, document, variables).toPromise()
  if (error?.networkError) throw new ApiError('The server does not answer.', 'NETWORK')
  if (error) {
    const failure = fromGraphqlErrors(error.graphQLErrors)
    if (failure.code === 'UNAUTHENTICATED' && usedKey !== undefined && usedKey === key.value) {
      signOut(INVALID_KEY)
    }
    throw failure
  }
  return data as Data
}
